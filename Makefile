# mbhaul: plain make. `make` builds below build/; `make help` lists the targets.

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec/mbhaul
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/mbhaul
COMPDIR    ?= $(PREFIX)/share/bash-completion/completions
SYSCONFDIR ?= /etc
# libsasl2 looks in its own folder only, wherever PREFIX points.
SASLDIR    ?= $(shell pkg-config --variable=libdir libsasl2 2>/dev/null || echo /usr/lib)/sasl2

VERSION := 0.1.0
O ?= build
CC ?= cc
ifeq ($(origin CC),default)
CC := cc
endif

# Debian packages: to build, and to run the demo and the tests, and to make packages.
BUILD_DEPS := gcc make pkg-config libc6-dev libcurl4-openssl-dev libssl-dev libsasl2-dev libcjson-dev \
	libcsv-dev libunistring-dev libncurses-dev
RUN_DEPS := isync libsasl2-modules
LAB_DEPS := $(RUN_DEPS) dovecot-imapd python3 openssl curl ca-certificates procps
CHECK_DEPS := $(LAB_DEPS) clang libclang-rt-14-dev valgrind cyrus-clients cyrus-common sasl2-bin postfix mutt mandoc strace apparmor tmux \
	bsdextrautils chromium slurmctld slurmd slurm-client parallel openssh-client openssh-server shellcheck systemd
DEB_DEPS := build-essential dpkg-dev debhelper dh-apparmor libsasl2-modules lintian

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings \
	-Wvla -Wformat=2 -Wundef
HARDEN := -fstack-protector-strong -fPIE -fvisibility=hidden
ifdef SAN
HARDEN += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SANLINK := -fsanitize=address,undefined
OPT := -O1 -g
else
HARDEN += -D_FORTIFY_SOURCE=2
OPT := -O2 -g
endif
ifdef WERROR
WARN += -Werror
endif
CFLAGS ?= $(OPT)
ALL_CPPFLAGS := -D_GNU_SOURCE -DMBHAUL_VERSION='"$(VERSION)"' -DMBHAUL_BINDIR='"$(BINDIR)"' \
	-DMBHAUL_LIBEXECDIR='"$(LIBEXECDIR)"' -DMBHAUL_SYSCONFDIR='"$(SYSCONFDIR)"' -DMBHAUL_SASLDIR='"$(SASLDIR)"' \
	-I. -Itoken-helper -Itoken-helper/base $(CPPFLAGS)
# The same bytes in whatever folder it is built.
ALL_CFLAGS := -std=gnu17 -ffile-prefix-map='$(CURDIR)'=. $(WARN) $(HARDEN) $(CFLAGS)
ALL_LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(SANLINK) $(LDFLAGS)

# V=1 shows the commands.
ifdef V
Q :=
say = @:
else
Q := @
say = @printf '  %-5s %s\n' $(1) $(2)
endif

pkg = $(shell pkg-config --libs $(1) 2>/dev/null)
CURL_LIBS   = $(call pkg,libcurl)
CRYPTO_LIBS = $(call pkg,libcrypto)
SSL_LIBS    = $(call pkg,libssl)
SASL_LIBS   = $(call pkg,libsasl2)
CJSON_LIBS  = -lcjson
CURSES_LIBS = $(or $(call pkg,ncursesw),-lncursesw -ltinfo)
# No libcurl: of libdriver.a the linker takes what is used.
RELAY_LIBS = $(SASL_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS) $(CJSON_LIBS)
DRIVER_LIBS = $(CURL_LIBS) $(SASL_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS) $(CJSON_LIBS) -lcsv -lunistring $(CURSES_LIBS) -lm

objs = $(patsubst %.c,$(O)/obj/%.o,$(1))
BASE_SRC   := $(wildcard token-helper/base/*.c)
TOKEN_SRC  := $(filter-out %/main.c,$(wildcard token-helper/*.c))
FETCH_SRC  := $(filter-out %/main.c,$(wildcard token-helper/fetch/*.c))
PLUGIN_SRC := $(wildcard sasl-plugin/*.c)
DRIVER_SRC := $(filter-out %/main.c,$(wildcard driver/*.c))
RELAY_MAIN := $(wildcard driver/relay/main.c)
RELAY_SRC  := $(filter-out %/main.c,$(wildcard driver/relay/*.c))
# What the plugin carries of the other layers; it links nothing but libsasl2 and libc.
PLUGIN_SHARED := token-helper/ask.c token-helper/base/err.c token-helper/base/text.c token-helper/base/secret.c \
	token-helper/base/proc.c token-helper/base/file.c token-helper/base/base64.c
UNIT_SRC   := $(wildcard tests/unit/*.c)
RELAY      := $(if $(RELAY_MAIN),$(O)/mbhaul-relay)
PROGRAMS   := $(O)/mbhaul $(RELAY) $(O)/mbhaul-token $(O)/mbhaul-token-fetch
PLUGIN     := $(O)/sasl2/libmbhaul.so
UNIT_TESTS := $(patsubst tests/unit/%.c,$(O)/tests/%,$(UNIT_SRC))
MAN1 := driver/mbhaul.1 $(wildcard driver/relay/mbhaul-relay.1) token-helper/mbhaul-token.1
MAN5 := driver/mailboxes.csv.5 driver/mbhaul.conf.5
MAN7 := sasl-plugin/mbhaul-sasl.7
MAN8 := token-helper/fetch/mbhaul-token-fetch.8
# Packaging is no example.
CONTRIB = $(shell cd contrib && find . -path ./debian -prune -o -path ./package -prune -o -type f -print)

all: $(PROGRAMS) $(PLUGIN)

help:
	@echo "make deps       install what building and running needs from Debian"
	@echo "make            build below $(O)/"
	@echo "make demo       migrate the sample mailboxes of a stand-in tenant and show the result"
	@echo "make check      build with gcc, clang and sanitizers, run every test"
	@echo "make bench      the figures of README.md, measured here"
	@echo "make soak       faults all the time for SOAK_MINUTES=60, out of SEED=, with sanitizers and valgrind; then all must be there"
	@echo "make faults     each kind of fault at random moments, SOAK_TIMES=20 times, and 2 GB in one mailbox"
	@echo "make fuzz       fuzz every parser for FUZZ_SECONDS=60 each"
	@echo "make lab        start the stand-in tenant and servers for use by hand; make lab-down ends them"
	@echo "make dist       the sources as $(O)/dist/mbhaul-$(VERSION).tar.gz, always the same bytes"
	@echo "make deb        Debian packages of it, beside it"
	@echo "make check-debian  installs them into a fresh Debian 12 and 13, and follows README.md there (as root)"
	@echo "make install    DESTDIR= PREFIX=$(PREFIX) SASLDIR=$(SASLDIR)"
	@echo "make uninstall clean"

$(O)/.gitignore:
	@mkdir -p $(O) && echo '*' > $@
	@[ ! -d build ] || echo '*' > build/.gitignore

$(O)/obj/%.o: %.c | $(O)/.gitignore
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The administrator's kit is part of the program; the compiler does not see that.
$(O)/obj/driver/admin_files.o: $(wildcard driver/admin/*.ps1 driver/admin/*.txt)
# So are style and script of the report.
$(O)/obj/driver/report_assets.o: driver/report/report.css driver/report/report.js
# And what generate writes for several machines.
$(O)/obj/driver/engines_files.o: $(wildcard driver/engines/*) contrib/systemd/mbhaul-token.service contrib/systemd/mbhaul-token.socket

# The plugin goes without sanitizers: mbsync, which has none, could not load it.
$(O)/obj/pic/%.o: %.c | $(O)/.gitignore
	@mkdir -p $(@D)
	$(call say,CC,"$< (plugin)")
	$(Q)$(CC) $(ALL_CPPFLAGS) $(filter-out -fPIE -fsanitize% -fno-sanitize%,$(ALL_CFLAGS)) -fPIC -MMD -MP -c -o $@ $<

define archive
	@rm -f $@
	$(Q)ar rcsD $@ $^
endef
$(O)/libbase.a: $(call objs,$(BASE_SRC))
	$(archive)
$(O)/libtoken.a: $(call objs,$(TOKEN_SRC))
	$(archive)
$(O)/libfetch.a: $(call objs,$(FETCH_SRC))
	$(archive)
$(O)/libdriver.a: $(call objs,$(DRIVER_SRC))
	$(archive)
$(O)/librelay.a: $(call objs,$(RELAY_SRC))
	$(archive)

$(O)/mbhaul-token: $(O)/obj/token-helper/main.o $(O)/libtoken.a $(O)/libbase.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^
$(O)/mbhaul-token-fetch: $(O)/obj/token-helper/fetch/main.o $(O)/libfetch.a $(O)/libtoken.a $(O)/libbase.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CURL_LIBS) $(CRYPTO_LIBS) $(CJSON_LIBS)
$(O)/mbhaul: $(O)/obj/driver/main.o $(O)/libdriver.a $(O)/libtoken.a $(O)/libbase.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(DRIVER_LIBS)
$(O)/mbhaul-relay: $(O)/obj/driver/relay/main.o $(O)/librelay.a $(O)/libdriver.a $(O)/libtoken.a $(O)/libbase.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(RELAY_LIBS)
$(PLUGIN): $(patsubst %.c,$(O)/obj/pic/%.o,$(PLUGIN_SRC) $(PLUGIN_SHARED)) sasl-plugin/exports.map
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(filter-out -pie $(SANLINK),$(ALL_LDFLAGS)) -shared -Wl,-z,defs -Wl,--version-script=sasl-plugin/exports.map \
		-o $@ $(filter %.o,$^) $(SASL_LIBS)

ifdef SAN
# The one above is without sanitizers, for hosts such as mbsync that are; the unit test loads this one.
SAN_PLUGIN := $(O)/tests/sasl2/libmbhaul.so
$(SAN_PLUGIN): $(PLUGIN_SRC) $(PLUGIN_SHARED) sasl-plugin/exports.map
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(filter-out -fPIE,$(ALL_CFLAGS)) -fPIC $(filter-out -pie,$(ALL_LDFLAGS)) -shared \
		-Wl,--version-script=sasl-plugin/exports.map -o $@ $(filter %.c,$^) $(SASL_LIBS)
endif

$(O)/tests/%: $(O)/obj/tests/unit/%.o $(O)/obj/sasl-plugin/message.o $(O)/librelay.a $(O)/libdriver.a $(O)/libfetch.a \
		$(O)/libtoken.a $(O)/libbase.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(DRIVER_LIBS) -ldl

tests-build: all $(UNIT_TESTS) $(SAN_PLUGIN)

deps:
	@tests/deps $(BUILD_DEPS) $(RUN_DEPS)
deps-lab:
	@tests/deps $(BUILD_DEPS) $(LAB_DEPS)
deps-deb:
	@tests/deps $(BUILD_DEPS) $(DEB_DEPS)
deps-check:
	@tests/deps $(BUILD_DEPS) $(CHECK_DEPS)

# Packages must be there before make looks for their flags: hence the second make.
demo: deps-lab
	+@$(MAKE) --no-print-directory all
	@tests/lab/demo $(O)
lab: deps-lab
	+@$(MAKE) --no-print-directory all
	@tests/lab/lab up
lab-down:
	@tests/lab/lab down
check: deps-check
	@tests/check
bench: deps-lab
	+@$(MAKE) --no-print-directory all
	@tests/bench/run $(O)
soak: deps-check
	+@$(MAKE) --no-print-directory all
	+@$(MAKE) --no-print-directory O=$(O)/san SAN=1 all
	@tests/lab/storm --minutes $(or $(SOAK_MINUTES),60) $(addprefix --seed ,$(SEED)) --valgrind $(O) $(SOAK) $(O)/san
faults: deps-lab
	+@$(MAKE) --no-print-directory all
	@tests/lab/soak --times $(or $(SOAK_TIMES),20) $(addprefix --seed ,$(SEED)) $(SOAK) $(O)
fuzz: deps-check
	@tests/fuzz/run $(or $(FUZZ_SECONDS),60)

dist:
	@contrib/package/dist $(VERSION) $(O)/dist
deb: deps-deb | $(O)/.gitignore
	@contrib/package/dist $(VERSION) $(O)/dist
	@contrib/package/deb $(VERSION) $(O)/dist
check-debian: | $(O)/.gitignore
	@tests/deps debootstrap
	@tests/debian/run $(O)

install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(SASLDIR) \
		$(addprefix $(DESTDIR)$(MANDIR)/,man1 man5 man7 man8)
	install -m 755 $(O)/mbhaul $(RELAY) $(O)/mbhaul-token $(DESTDIR)$(BINDIR)
	install -m 755 $(O)/mbhaul-token-fetch $(DESTDIR)$(LIBEXECDIR)
	install -m 644 $(PLUGIN) $(DESTDIR)$(SASLDIR)
	install -m 644 $(MAN1) $(DESTDIR)$(MANDIR)/man1
	install -m 644 $(MAN5) $(DESTDIR)$(MANDIR)/man5
	install -m 644 $(MAN7) $(DESTDIR)$(MANDIR)/man7
	install -m 644 $(MAN8) $(DESTDIR)$(MANDIR)/man8
	install -D -m 644 contrib/completion/mbhaul $(DESTDIR)$(COMPDIR)/mbhaul
	ln -sf mbhaul $(DESTDIR)$(COMPDIR)/mbhaul-relay
	ln -sf mbhaul $(DESTDIR)$(COMPDIR)/mbhaul-token
	install -D -m 644 README.md $(DESTDIR)$(DOCDIR)/README.md
	install -m 644 LICENSE $(DESTDIR)$(DOCDIR)
	for f in $(CONTRIB); do install -D -m 644 contrib/$$f $(DESTDIR)$(DOCDIR)/contrib/$$f || exit 1; done

uninstall:
	rm -f $(addprefix $(DESTDIR)$(BINDIR)/,mbhaul mbhaul-relay mbhaul-token) $(DESTDIR)$(SASLDIR)/libmbhaul.so
	rm -rf $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(DOCDIR)
	rm -f $(addprefix $(DESTDIR)$(COMPDIR)/,mbhaul mbhaul-relay mbhaul-token)
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/man1/,$(notdir $(MAN1))) \
		$(addprefix $(DESTDIR)$(MANDIR)/man5/,$(notdir $(MAN5))) \
		$(addprefix $(DESTDIR)$(MANDIR)/man7/,$(notdir $(MAN7))) \
		$(addprefix $(DESTDIR)$(MANDIR)/man8/,$(notdir $(MAN8)))

clean:
	rm -rf $(O)

.PHONY: all help tests-build deps deps-lab deps-deb deps-check demo lab lab-down check bench soak faults fuzz dist deb check-debian \
	install uninstall clean
.SECONDARY:
-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
