# SPDX-License-Identifier: MIT
"""What the test scripts share: running tkit, reading its dumps as bytes, skipping with a reason."""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import namedtuple

SKIP = 77  # exit status of a test that cannot run here; the reason is the last line


class TestError(Exception):
    """Something that makes the test fail, in one line."""


def run_main(main, *more):
    """Ends a test script with what main() returns; a TestError, or another exception that is given, is one line."""
    try:
        sys.exit(main())
    except (TestError, *more) as failure:
        print(f"FAIL: {failure}")
        sys.exit(1)


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(SKIP)


# One access or exec; paths are bytes or None.
Access = namedtuple(
    "Access",
    "type op abs path base resolved errno created pid tid via count raw",
)


def _bytes(obj, key):
    """A path field as bytes: KEY_raw (base64) where the path is not UTF-8, else KEY."""
    if key + "_raw" in obj:
        return base64.b64decode(obj[key + "_raw"])
    value = obj.get(key)
    return None if value is None else value.encode("utf-8", "surrogateescape")


def lexical(base, path):
    """The absolute path, as docs/EVENT_MODEL.md defines it: '.' and '//' go, '..' stays."""
    whole = path if path.startswith(b"/") else base + b"/" + path
    return b"/" + b"/".join(p for p in whole.split(b"/") if p not in (b"", b"."))


def access(obj):
    path, base, abs_ = _bytes(obj, "path"), _bytes(obj, "base"), _bytes(obj, "abs")
    if abs_ is not None and "abs_raw" not in obj and "path_raw" in obj:
        abs_ = lexical(base or b"/", path)
    return Access(
        type=obj["type"],
        op=obj.get("op"),
        abs=abs_,
        path=path,
        base=base,
        resolved=_bytes(obj, "resolved"),
        errno=obj.get("errno"),
        created=obj.get("created"),
        pid=obj.get("pid"),
        tid=obj.get("tid"),
        via=obj.get("via"),
        count=obj.get("count", 1) or 1,
        raw=obj,
    )


class Tkit:
    """The tkit of one build tree."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.path = os.path.join(self.build, "tkit")
        if not os.access(self.path, os.X_OK):
            raise TestError(f"{self.path} is not built")
        self._doctor = None

    def run(self, args, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("timeout", 120)
        return subprocess.run(
            [self.path] + args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw
        )

    def doctor(self):
        """Name -> {"ok": bool, "why": str, "caps": set of names} of each backend."""
        if self._doctor is None:
            done = self.run(["doctor", "--json"])
            if not done.stdout.strip():
                raise TestError(f"tkit doctor --json: {done.stderr.decode().strip()}")
            self._doctor = parse_doctor(json.loads(done.stdout))
        return self._doctor

    def backend(self, name):
        """The backend's entry in doctor(); ends the test as skipped if it cannot run here."""
        entry = self.doctor().get(name)
        if entry is None:
            raise TestError(f"tkit doctor does not know the backend {name}")
        if not entry["ok"]:
            skip(f"backend {name}: {entry['why']}")
        return entry

    def trace(self, backend, argv, out, strict=True, **kw):
        """Traces a command. Returns (finished process, events as objects)."""
        done = self.run(
            ["run"] + (["--strict"] if strict else []) + ["--backend", backend, "--sink", "file", "-o", out, "--"] + argv, **kw
        )
        if done.returncode in (124, 125):
            raise TestError(
                f"tkit run --backend {backend} ended with {done.returncode}: "
                + done.stderr.decode(errors="replace").strip()
            )
        return done, self.dump(out)

    def dump(self, trace):
        done = self.run(["dump", trace])
        if done.returncode:
            raise TestError(f"tkit dump: {done.stderr.decode(errors='replace').strip()}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]


def parse_doctor(doc):
    backends = {}
    for entry in doc["backends"]:
        backends[entry["name"]] = {
            "ok": bool(entry.get("ok", entry.get("usable"))),
            "why": entry.get("why") or entry.get("reason") or "",
            "caps": {c.upper().replace("-", "_") for c in entry.get("capabilities", [])},
        }
    return backends


def accesses(events):
    return [access(e) for e in events if e.get("type") in ("access", "exec")]


# What fanotify rightly calls a loss while other tests start containers: somebody has mounted something.
OTHERS = re.compile(r"what was opened on /.*/docker/.* before it was marked")


def losses(events):
    """The losses, but for those that other tests have brought about."""
    return [e for e in events if e.get("type") == "loss" and not OTHERS.fullmatch(e.get("detail", ""))]


class TempDir:
    """A fresh directory that everybody can enter and whose path holds no symlink."""

    def __init__(self, prefix="tkit-test."):
        self.path = os.path.realpath(tempfile.mkdtemp(prefix=prefix))
        os.chmod(self.path, 0o755)

    def __enter__(self):
        return self.path

    def __exit__(self, *exc):
        # A workload may leave directories that are deeper than Python can go, or closed.
        if os.geteuid():
            subprocess.run(["chmod", "-R", "u+rwX", self.path], stderr=subprocess.DEVNULL, check=False)
        subprocess.run(["rm", "-rf", self.path], check=False)
        return False


def show(path):
    """A path for people: bytes that are not printable ASCII escaped."""
    if path is None:
        return "(none)"
    if len(path) > 100:
        path = path[:60] + b"..." + path[-30:]
    return path.decode("ascii", "backslashreplace").encode("unicode_escape").decode()
