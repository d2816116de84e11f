#!/bin/sh
# Copies a store, and media if they are named, while they are in use:
#
#     backup.sh INTO STORE [MEDIA]
#
# INTO is the folder of all backups; each gets a folder named by its time (UTC), which is there only when it is complete.
# STORE is the store's folder (the one with appendonlydir), MEDIA the folder of media. Media that the backup before has
# too are not copied again but linked, so INTO has to be one file system with hard links.
# Never copies the media key: kept beside what it opens it protects nothing. The copy of the store holds what citizens
# wrote, in plain: keep INTO where only few can read.
set -eu

usage() {
    echo "usage: backup.sh INTO STORE [MEDIA]" >&2
    exit 2
}
[ $# -ge 2 ] && [ $# -le 3 ] || usage
into=$1 aof=$2/appendonlydir media=${3-}
manifest=$aof/appendonly.aof.manifest
[ -f "$manifest" ] || { echo "$manifest: no such file; STORE must be the folder of a store with appendonly yes" >&2; exit 2; }
[ -z "$media" ] || [ -d "$media" ] || { echo "$media: no such folder" >&2; exit 2; }

umask 077
mkdir -p "$into"
before=$(find "$into" -mindepth 1 -maxdepth 1 -type d -name '2*Z' | sort | tail -n 1)
name=$(date -u +%Y-%m-%dT%H%M%SZ)
part=$into/.part-$name-$$
trap 'rm -rf "$part"' EXIT
trap 'exit 2' INT TERM
mkdir "$part"
: > "$part/fault"

# The store first: what it names is in the folder of media already, and nothing there is ever changed.
#
# Its files only grow, and the manifest says in which order they are read; a part of the last write at the end is cut
# off when the copy is read. While the store rewrites its files, those that the manifest named may go: then once more.
copy_store() {
    rm -rf "$part/store"
    mkdir -p "$part/store/appendonlydir"
    grep -v ' type h$' "$manifest" > "$part/store/appendonlydir/appendonly.aof.manifest" 2> "$part/fault" || return 1
    cut -d ' ' -f 2 "$part/store/appendonlydir/appendonly.aof.manifest" > "$part/files"
    while read -r file; do
        cp "$aof/$file" "$part/store/appendonlydir/$file" 2> "$part/fault" || return 1
    done < "$part/files"
}
try() {
    tries=0
    until "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 10 ] || { cat "$part/fault" >&2; exit 2; }
        sleep 0.3
    done
    rm -f "$part/files" "$part/fault"
}
try copy_store

# Only whole files: one that is being written has a "#" in its name. A copy that was superseded may be deleted meanwhile:
# then from the beginning, so that no half file is taken for a whole one.
copy_media() {
    rm -rf "$part/media"
    if [ -n "$before" ] && [ -d "$before/media" ]; then
        cp -al "$before/media" "$part/media"
    fi
    mkdir -p "$part/media"
    target=$(cd "$part/media" && pwd)
    find "$media" -type f ! -name '*#*' -printf '%P\0' > "$part/files" 2> "$part/fault" || return 1
    (cd "$media" && xargs -0 -r cp -n --parents -p -t "$target" < "$target/../files") 2> "$part/fault"
}
if [ -n "$media" ]; then
    try copy_media
fi

sync -f "$part"
mv -T "$part" "$into/$name"
trap - EXIT
sync -f "$into"
echo "$into/$name"
