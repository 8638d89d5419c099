#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# format=packages, built by a real engine: on top of a local image under the name of Debian's own, with packages from the
# mirror that apt uses here, and what is of no package from the image that was traced.
# shellcheck disable=SC2016,SC2034 # `check ... eval` takes quoted text
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"
need_root
need docker dockerd debootstrap
need_backend ptrace
start_docker || skip "$docker_problem"
base=$(base_root) || die "no base file system"
redis=$(root_with redis-server) || die "no root file system with redis"
cd "$work"

# Debian's own image: the base, with apt's sources as they are here.
copy_root "$base" slim
: >slim/etc/apt/sources.list
cp /etc/apt/sources.list.d/debian.sources slim/etc/apt/sources.list.d/ 2>/dev/null || cp /etc/apt/sources.list slim/etc/apt/
import_root slim debian:bookworm-slim
docker run --rm --network host debian:bookworm-slim apt-get update >update.log 2>&1 || skip "containers do not reach the mirror: $(tail -1 update.log)"

# ---- an image: redis by its package, an application and its settings by hand ----
copy_root "$redis" root
cat >root/usr/local/bin/app <<'APP'
#!/bin/sh
set -e
. /etc/app/app.conf
cd /srv/app
[ "$(stat -c '%u:%g %a' /srv/app)" = "33:44 2750" ]
[ -e "/etc/app/two words" ]
$SERVER --version
cat /opt/current/data
stat -c '%n %u:%g %a %Y %F' /usr/local/bin/app /etc/app/app.conf /opt/current /opt/v1/data /tmp /tmp/seed
APP
mkdir -p root/etc/app root/srv/app root/opt/v1
printf 'SERVER=/usr/local/bin/server\n' >root/etc/app/app.conf
printf 'x' >'root/etc/app/two words'
printf 'data\n' >root/opt/v1/data
printf 'seed\n' >root/tmp/seed
ln -s v1 root/opt/current
ln -s /usr/bin/redis-server root/usr/local/bin/server
chmod 750 root/usr/local/bin/app
chmod 640 root/etc/app/app.conf
chown 12:34 root/opt/v1/data
chown 33:44 root/srv/app && chmod 2750 root/srv/app
touch -h -d @1234567890 root/opt/v1/data root/opt/current root/etc/app/app.conf root/usr/local/bin/app root/tmp/seed
import_root root test/app:1
"$tkit" run --backend ptrace -o app.tkit --root root -- /usr/local/bin/app >want
grep -q 'Redis server' want || die "the application does not run: $(cat want)"

packages() { # FOLDER OPTIONS [ARG...]
	"$tkit" report --reporter "dockerfile,format=packages$2" --root root -o "$1" "${@:3}" app.tkit 2>"$1.err"
}
check "a Dockerfile" packages out ,from=test/app:1
check "is all that there is" test "$(ls out)" = Dockerfile
check "on Debian's small image" grep -qx 'FROM debian:bookworm-slim' out/Dockerfile
version=$(chroot root dpkg-query -W -f '${Version}' redis-tools)
check "with the package in its version" grep -qF "redis-tools=$version" out/Dockerfile
check "and no other that is not needed" eval '! grep -qE "perl|apt=|nginx" out/Dockerfile'
check "the same again" eval 'packages again ,from=test/app:1 && cmp out/Dockerfile again/Dockerfile'
built() { docker build -q --network host -t "$2" "$1" >build.log 2>&1 || { tail -5 build.log; return 1; }; }
check "docker builds it" built out test/built
check "it does the same" diff want <(docker run --rm --network none test/built)
check "its package manager knows the packages" eval '[ "$(docker run --rm --network none --entrypoint dpkg-query test/built -W -f "\${Version}" redis-tools)" = "$version" ]'
check "the whole package is there" docker run --rm --network none --entrypoint test test/built -e /usr/share/doc/redis-tools/copyright
check "and can be checked" docker run --rm --network none --entrypoint dpkg test/built --verify redis-tools

# ---- as a user that no package makes ----
printf 'app:x:1234:4321::/srv/app:/bin/sh\n' >>root/etc/passwd
printf 'team:x:4321:\n' >>root/etc/group
printf 'evil:x:1:1:$(touch /evil) `id`:/:/bin/sh\n' >>root/etc/passwd
check "for a user" packages user ,from=test/app:1,user=app,entrypoint=id,cmd=
check "docker builds it" built user test/user
check "it is there, with its group" test "$(docker run --rm --network none test/user)" = "uid=1234(app) gid=4321(team) groups=4321(team)"
check "one of a package's is not made twice" eval 'packages redis ,from=test/app:1,user=redis,entrypoint=id,cmd= && built redis test/redis && docker run --rm --network none --entrypoint grep test/redis -c ^redis: /etc/passwd | grep -qx 1'
check "no text of a user is executed" eval 'packages evil ,from=test/app:1,user=evil && ! grep -q "touch /evil" evil/Dockerfile'

# ---- without the name of an image ----
check "without an image to copy from" packages bare ''
check "what is of no package is named" eval 'for p in /usr/local/bin/app /usr/local/bin/server /opt/current /srv/app /etc/app/app.conf; do grep -qx "#   $p" bare/Dockerfile || exit 1; done'
check "and that is told" grep -q 'warning: .*of no package.*option from' bare.err

# ---- what it cannot do ----
refuses() { # PATTERN FOLDER OPTIONS ROOT
	! "$tkit" report --reporter "dockerfile,format=packages$3" --root "$4" -o "$2" app.tkit 2>bad.err &&
		[ "$(grep -vc 'warning:' bad.err)" = 1 ] && grep -q "$1" bad.err || { cat bad.err; return 1; }
}
check "a name that injects" refuses 'names of images' bad ',from=a b' root
rm -rf root/var/lib/dpkg
check "no package database" refuses 'package database' bad '' root
done_testing
