# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # read by test_services.sh
command=(/srv/program.pl)

prepare() { # ROOT
	cat >"$1/srv/program.pl" <<'PL'
#!/usr/bin/perl
use strict;
use warnings;
use Data::Dumper;
use Digest::SHA qw(sha256_hex);
use Encode qw(encode decode);
use File::Find;
use JSON::PP;
use POSIX qw(strftime);
use Storable qw(dclone);
$Data::Dumper::Sortkeys = 1;
my @found;
find(sub { push @found, $File::Find::name if /\.conf$/ }, '/etc/perl-test');
print strftime("%Y-%m-%d", gmtime(0)), "\n", sha256_hex("a"), "\n", join(" ", sort @found), "\n";
print JSON::PP->new->canonical->encode({a => dclone([1, 2]), b => decode("UTF-16", encode("UTF-16", "x"))}), "\n";
print Dumper({ "\N{U+00FC}" =~ /\w/ ? (word => 1) : () });
PL
	chmod 755 "$1/srv/program.pl"
	mkdir -p "$1/etc/perl-test/sub"
	touch "$1/etc/perl-test/a.conf" "$1/etc/perl-test/sub/b.conf" "$1/etc/perl-test/c"
}
