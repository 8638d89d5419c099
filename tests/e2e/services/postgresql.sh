# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # read by test_services.sh
command=(/usr/local/bin/database)
# By hand about 74 MB, there with postgres --single; psql, its libraries and the locale are 2.05 MB more.
floor=76050000
user=postgres
writable=(/var/lib/postgresql /run/postgresql /tmp)

prepare() { # ROOT: a script such as the one that the official image starts with
	cat >"$1/usr/local/bin/database" <<'SH'
#!/bin/sh
set -e
[ "$(id -u)" != 0 ] || exec setpriv --reuid postgres --regid postgres --init-groups "$0"
export PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/var/lib/postgresql/data
initdb --no-sync --auth=trust --encoding=UTF8 --locale=C.UTF-8 >/dev/null
pg_ctl --silent --wait --log=/dev/null --options='-c listen_addresses= -c fsync=off' start
psql --quiet --no-psqlrc --tuples-only --no-align <<'SQL'
create table t (a int primary key, b text);
insert into t select i, 'row ' || i from generate_series(1, 1000) i;
select count(*), sum(a), max(b) from t;
select upper(b) from t where a = 7;
create extension pg_trgm;
select similarity('database', 'databases') > 0.5;
SQL
pg_ctl --silent --wait --mode=fast stop
SH
	chmod 755 "$1/usr/local/bin/database"
}
