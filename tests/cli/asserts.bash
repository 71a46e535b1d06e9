# What the tests of the token helper say: `. tests/cli/asserts.bash`. Sets failed=1 when something is not as it should be.
failed=0

ok() { # name, exit code of what was just tested
	if [ "$2" = 0 ]; then echo "ok - $1"; else
		echo "not ok - $1"
		failed=1
	fi
}
is() { # name got want
	if [ "$2" = "$3" ]; then ok "$1" 0; else
		printf '  got:  %s\n  want: %s\n' "$2" "$3"
		ok "$1" 1
	fi
}
has() { # name text part...
	local name=$1 text=$2 part
	shift 2
	for part; do
		case $text in
		*"$part"*) ;;
		*)
			printf '  in:   %s\n  not:  %s\n' "$text" "$part"
			ok "$name" 1
			return
			;;
		esac
	done
	ok "$name" 0
}
