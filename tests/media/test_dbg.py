import asyncio, traceback
from functools import partial
from dispatch.media.jobs import make_copy
from tests.media.test_worker import LIMITS
from tests.media.conftest import *
async def test_x(house):
    begun = asyncio.Event()
    copies = house.copies_with(make=partial(make_copy, limits=LIMITS, started=lambda pid: begun.set()))
    alarm = await house.raises()
    await house.sends(alarm, "voice-zh.webm")
    orig = copies._try
    async def t(*a):
        try:
            r = await orig(*a); print("try ->", r); return r
        except BaseException as e:
            print("try raised", repr(e)); traceback.print_exc(); raise
    copies._try = t
    work = asyncio.create_task(copies.step())
    await begun.wait()
    print("cancel", work.cancel())
    try: print("result", await work)
    except BaseException as e: print(repr(e))
    assert 0
