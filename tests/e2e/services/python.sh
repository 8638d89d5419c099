# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # read by test_services.sh
command=(/srv/program.py)
floor=18850000

prepare() { # ROOT
	cat >"$1/srv/program.py" <<'PY'
#!/usr/bin/python3
import json
import sqlite3
import ssl

context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
data = sqlite3.connect(":memory:")
data.execute("create table t (a, b)")
data.executemany("insert into t values (?, ?)", [(1, "x"), (2, "\u00fc")])
print(json.dumps({"tls": context.minimum_version.name, "rows": data.execute("select * from t").fetchall()}))
PY
	chmod 755 "$1/srv/program.py"
}
