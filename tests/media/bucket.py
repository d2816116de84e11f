"""A real server that speaks S3, as a process on loopback: it wants signatures and lets in only whom it knows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from tests.nodes import free_ports
from tests.patience import PATIENCE_S

BUCKET = "evidence"
_ALL = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
_UNSIGNED = "4"
"""So many calls are taken without a signature: those that make the user, their policy and key, and the bucket."""


class Bucket:
    """The server with one bucket and one user. A context manager; `environment` is what a hub is given."""

    def __init__(self) -> None:
        [port] = free_ports(1)
        self.endpoint = f"http://127.0.0.1:{port}"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=self._log, stderr=self._log, env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": _UNSIGNED},
        )  # fmt: skip
        self.environment: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"s3://{BUCKET}/of/fujin"

    def client(self, service: str, keys: Mapping[str, str]) -> Any:
        import boto3  # of the extra `checks`, which is not there by day

        return boto3.client(
            service, endpoint_url=self.endpoint, region_name="us-east-1",
            aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._until_it_answers()
        nobody = {"AccessKeyId": "nobody", "SecretAccessKey": "nothing"}
        iam = self.client("iam", nobody)
        iam.create_user(UserName="hub")
        iam.put_user_policy(UserName="hub", PolicyName="all", PolicyDocument=_ALL)
        keys = iam.create_access_key(UserName="hub")["AccessKey"]
        self.s3 = self.client("s3", keys)
        self.client("s3", nobody).create_bucket(Bucket=BUCKET)
        self.environment = {
            "AWS_ENDPOINT": self.endpoint, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        }  # fmt: skip
        return self

    def __exit__(self, *fault: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()

    def stop(self) -> None:
        """It takes connections and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def objects(self) -> dict[str, bytes]:
        """Everything that is in the bucket."""
        found = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {each["Key"]: self.s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in found}

    def put(self, key: str, data: bytes) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=data)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=BUCKET, Key=key)

    def _until_it_answers(self) -> None:
        until = time.monotonic() + PATIENCE_S
        with httpx.Client(timeout=5, verify=False) as http:  # one for all tries, and it reads no certificates
            while True:
                try:
                    http.get(f"{self.endpoint}/moto-api/data.json")
                except httpx.TransportError:
                    if self._process.poll() is not None or time.monotonic() > until:
                        self._log.seek(0)
                        raise AssertionError(self._log.read().decode(errors="replace")) from None
                    time.sleep(0.05)
                else:
                    return
