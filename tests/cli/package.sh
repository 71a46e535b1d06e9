#!/bin/bash
# What can be said of tarball and packages without building packages (make check-debian does that): they are of one version,
# need what the Makefile says, and come out the same wherever they are made.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unset MAKEFLAGS MAKELEVEL MFLAGS SOURCE_DATE_EPOCH
export LC_ALL=C.UTF-8
check() { # name status
	if [ "$2" = 0 ]; then echo "ok - $1"; else echo "not ok - $1"; fi
}
none() { # name file
	sed 's/^/# /' "$2"
	[ ! -s "$2" ]
	check "$1" $?
}

# ---- the tarball ----
version=$(sed -n 's/^VERSION := //p' Makefile)
tree=$tmp/two/mbhaul-$version
# A repository that belongs to somebody else is one too.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=$top
if [ -e MANIFEST ] || { command -v git >/dev/null && [ -e .git ]; }; then
	contrib/package/dist "$version" "$tmp/one" >"$tmp/out" 2>"$tmp/err"
	check "make dist" $?
	mkdir "$tmp/two" && tar -xf "$tmp/one/mbhaul-$version.tar.gz" -C "$tmp/two"
	(
		umask 077
		mkdir "$tree/build" && touch "$tree/build/x.o" "$tree/foreign" && chmod -R go-rwx "$tree"
		TZ=Asia/Tokyo contrib/package/dist "$version" "$tmp/three" && cmp "$tmp/one/mbhaul-$version.tar.gz" "$tmp/three/mbhaul-$version.tar.gz" &&
			cd "$tree" && TZ=America/Lima contrib/package/dist "$version" "$tmp/four"
	) >"$tmp/out" 2>&1
	cmp "$tmp/one/mbhaul-$version.tar.gz" "$tmp/four/mbhaul-$version.tar.gz"
	check "from the unpacked tarball the same one is made, whatever else lies there" $?
	tar -tvf "$tmp/one/mbhaul-$version.tar.gz" | grep -vE '^-rw(-r--r--|xr-xr-x) 0/0 ' >"$tmp/bad"
	none "it holds plain files, of nobody in particular" "$tmp/bad"
	tar -tf "$tmp/one/mbhaul-$version.tar.gz" | sort | uniq -d >"$tmp/bad"
	none "each once" "$tmp/bad"
	(cd "$tmp" && mkdir bare && cp -r "$tree/contrib" bare/ && bare/contrib/package/dist 1 "$tmp/five") >"$tmp/out" 2>&1
	[ $? = 1 ] && grep -q 'neither a git repository nor an unpacked tarball' "$tmp/out"
	check "elsewhere it says that it cannot know what belongs to it" $?
else
	echo "skip - make dist, for want of a repository"
	mkdir -p "$tree" && cp -r Makefile token-helper driver sasl-plugin contrib tests "$tree/"
fi

# ---- what is compiled ----
mv "$tree" "$tmp/elsewhere"
ok=0
for folder in "$top" "$tmp/elsewhere"; do
	make -s -C "$folder" O="$tmp/o-${folder##*/}" CC=gcc "$tmp/o-${folder##*/}/mbhaul-token" >"$tmp/out" 2>&1 || ok=1
done
cmp "$tmp/o-${top##*/}/mbhaul-token" "$tmp/o-elsewhere/mbhaul-token" || ok=1
strings -a "$tmp/o-elsewhere/mbhaul-token" | grep -F "$tmp" && ok=1
check "a program is the same from another folder, and has no path of it" $ok

# ---- the packages ----
grep -q "^mbhaul ($version-[0-9])" contrib/debian/changelog
check "the changelog is of version $version" $?
awk '/^Build-Depends:/ { on = 1; sub(/^[^:]*:/, "") } on && /^[A-Z]/ { exit } on' contrib/debian/control | tr ',' '\n' |
	sed 's/[<(].*//; s/ //g; /^$/d; s/debhelper-compat/debhelper/; s/^pkgconf$/pkg-config/' | sort >"$tmp/needs"
packages() { # variables of the Makefile...
	printf 'include Makefile\n.DEFAULT_GOAL := say\nsay:\n\t@echo %s\n' "$*" | make -s --no-print-directory -f - | tr ' ' '\n' | sort -u
}
packages '$(BUILD_DEPS) $(DEB_DEPS)' | grep . >"$tmp/installs"
comm -23 "$tmp/needs" "$tmp/installs" >"$tmp/bad"
[ "$(wc -l <"$tmp/needs")" -ge 9 ] || echo "too few are found" >>"$tmp/bad"
none "make deb installs all that the packages need to be built" "$tmp/bad"
packages '$(BUILD_DEPS)' | grep -vxE 'gcc|make|libc6-dev' >"$tmp/builds" # which are essential to build anything
comm -13 "$tmp/needs" "$tmp/builds" >"$tmp/bad"
none "and they need all that the program needs" "$tmp/bad"
awk '$1 ~ /^contrib/ { print $1 }' contrib/debian/*.install | while read -r f; do
	# shellcheck disable=SC2086
	ls -d $f >/dev/null 2>&1 || echo "$f"
done >"$tmp/bad"
none "what the packages take from here is there" "$tmp/bad"
for f in contrib/systemd/mbhaul-token.{service,socket}; do sed 's,/usr/local/,/usr/,' "$f"; done | grep '/usr/local' >"$tmp/bad"
none "the service's units name no place that a package does not have" "$tmp/bad"
for f in contrib/debian/*lintian-overrides contrib/debian/source/lintian-overrides; do
	awk '!/^#/ && !reason { print FILENAME ": " $0 } /^#/ { reason = 1 }' "$f"
done >"$tmp/bad"
none "each lintian override has a reason" "$tmp/bad"
if command -v shellcheck >/dev/null; then
	shellcheck -S warning contrib/package/* tests/debian/* tests/deps >"$tmp/bad" 2>&1
	none "shellcheck has nothing to say of their scripts" "$tmp/bad"
fi
