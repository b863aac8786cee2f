# Tubería. `make` builds build/bin/*; `make help` lists the rest.

CC      = gcc
BUILD   = build
PREFIX  = /usr/local
DESTDIR =
OPT     = -O2 -g
FUZZ_SECONDS = 60

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
# Short lines of progress; V=1 shows the commands.
Q   = $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-5s%s\n')

WARN    = -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
          -Wmissing-prototypes -Wpointer-arith -Wvla -Wformat=2 -Wundef \
          -Wno-missing-field-initializers $(WERROR)
CPPFLAGS_ALL = -D_GNU_SOURCE -iquote lib $(CPPFLAGS)
CFLAGS_ALL   = -std=gnu11 $(OPT) $(WARN) -fno-strict-aliasing -fstack-protector-strong $(WHOLE) $(SAN) $(CFLAGS)
LDFLAGS_ALL  = -Wl,--as-needed $(SAN) $(LDFLAGS)
SANITIZERS   = -fsanitize=address,undefined -fno-omit-frame-pointer
# Tools are optimised as a whole when they are linked: a record goes through many small functions of many modules. The
# objects have machine code too, for the unit tests.
WHOLE        = $(if $(SAN)$(findstring clang,$(CC)),,-flto=auto -ffat-lto-objects)

PQ_CFLAGS := $(shell pkg-config --cflags libpq 2>/dev/null)

TOOLS    = $(patsubst cmd/%.c,%,$(wildcard cmd/*.c))
LIB_SRC  = $(wildcard lib/*/*.c)
LIB_OBJ  = $(LIB_SRC:%.c=$(BUILD)/%.o)
LIB      = $(BUILD)/libtuberia.a
UNITS    = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*.c))
BINS     = $(TOOLS:%=$(BUILD)/bin/%)
HELPERS  = $(BUILD)/libexec/tuberia/metrics-cgi-dynamodb
FUZZERS  = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.c))
C_FILES  = $(wildcard lib/*/*.[ch] cmd/*.[ch] tests/*/*.[ch])
TIDY     = $(patsubst %.c,$(BUILD)/%.tidy,$(wildcard lib/*/*.c cmd/*.c))
MAN      = $(wildcard man/*.[1-8])
SCRIPTS  = $(filter-out scripts/demo% scripts/install-deps scripts/deploy,$(wildcard scripts/*))
SHELL_FILES = $(shell grep -lE '^\#!.*\bbash' -r scripts .ci tests) $(wildcard tests/lib/*.sh \
              tests/tools/*/*.sh tests/e2e/*.sh tests/e2e/*/*.sh tests/bench/*.sh)

# Each tool links only what it uses: the archive gives it the objects it names, --as-needed drops the
# libraries that none of them needs.
LDLIBS   = -lpq -lsqlite3 -lcjson -lz -lzstd $(CRYPTO)
# Of OpenSSL, only digests are linked: a few objects out of the static library, which no start pays for.
CRYPTO  := $(shell f=$$($(CC) -print-file-name=libcrypto.a); [ -f "$$f" ] && echo "$$f" || echo -lcrypto)

all: $(BINS) $(HELPERS)         ## build the tools into build/bin (the default)

define link
@mkdir -p $(@D)
$(say) link $@
$(Q)$(CC) $(LINKED) $(LDFLAGS_ALL) -o $@ $< $(LIB) $(LDLIBS)
endef
$(BINS) $(HELPERS): private LINKED = $(if $(WHOLE),$(OPT) $(WHOLE))

$(filter-out %/metrics-cgi,$(BINS)): $(BUILD)/bin/%: $(BUILD)/cmd/%.o $(LIB)
	$(link)
$(UNITS):   $(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(LIB)
	$(link)
$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(LIB)
	$(link)
# A CGI program is a process for each request: static, it starts in half the time (not under sanitizers), and with musl
# in a third, if musl-gcc is there: glibc asks the processor for all of its caches first, by instructions that a virtual
# machine stops at. lib/l0-base/musl.c has what else that takes. OpenSSL asks the processor only when that pays
# (lib/l0-base/hash.c). Two segments are mapped faster than four; and what ld has written here and there lies in memory
# page by page, a copy in large pieces. What the linker says of dlopen, which SQLite has for extensions that nobody
# loads, is kept in a log, as is why musl will not do.
MUSL    := $(shell command -v musl-gcc)
SQLITE_A := $(shell $(CC) -print-file-name=libsqlite3.a)
STATIC   = -static -Wl,-z,noseparate-code,--wrap=OPENSSL_cpuid_setup,-u,OPENSSL_cpuid_setup
WRAPPED  = malloc calloc realloc free __memcpy_chk __memmove_chk __memset_chk open64 fcntl64 stat64 lstat64 fstat64 \
           ftruncate64 lseek64 pread64 pwrite64 mmap64 __isoc23_strtol __isoc23_strtoul __isoc23_strtoll __isoc23_strtoull
$(BUILD)/bin/metrics-cgi: $(BUILD)/cmd/metrics-cgi.o $(LIB)
	@mkdir -p $(@D)
	$(say) link $@
	$(Q)new=$(BUILD)/metrics-cgi.new log=$(BUILD)/static.log; \
	{ [ -n "$(MUSL)" ] && [ -z "$(SAN)" ] && \
	  musl-gcc $(LDFLAGS_ALL) $(STATIC) $(WRAPPED:%=-Wl,--wrap=%) -Wl,-u,__wrap_malloc -o $$new $< $(LIB) $(SQLITE_A) $(CRYPTO) && \
	  $$new --version >/dev/null; } 2>$$log || \
	  $(CC) $(LDFLAGS_ALL) $(if $(SAN),,$(STATIC)) -o $$new $< $(LIB) -lsqlite3 $(CRYPTO) -lm 2>>$$log || { cat $$log >&2; exit 1; }
	@cp $(BUILD)/metrics-cgi.new $@.new && mv -f $@.new $@ && rm $(BUILD)/metrics-cgi.new
# What it becomes when its store is DynamoDB: the same source, with libcurl, so not static.
$(BUILD)/libexec/tuberia/metrics-cgi-dynamodb: $(BUILD)/cmd/metrics-cgi-dynamodb.o $(LIB)
	$(link)
$(BUILD)/cmd/metrics-cgi-dynamodb.o: cmd/metrics-cgi.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(say) cc $@
	$(Q)$(CC) $(CPPFLAGS_ALL) -DMETRICS_CGI_DYNAMODB $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
$(BUILD)/lib/l4-service/apifiles.o: $(wildcard lib/l4-service/apifiles/*)

$(LIB): $(LIB_OBJ) $(BUILD)/sources
	@rm -f $@
	$(say) ar $@
	$(Q)$(AR) rcs $@ $(LIB_OBJ)

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(say) cc $@
	$(Q)$(CC) $(CPPFLAGS_ALL) $(PQ_CFLAGS) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# Files that change when what they hold does: other flags compile anew (but -Werror, which changes no object), a file
# less makes a new archive.
$(BUILD)/flags:   STAMP = $(CC) $(CPPFLAGS_ALL) $(PQ_CFLAGS) $(filter-out -Werror,$(CFLAGS_ALL)) $(LDFLAGS_ALL)
$(BUILD)/sources: STAMP = $(LIB_SRC)
$(BUILD)/flags $(BUILD)/sources: FORCE
	@mkdir -p $(@D)
	@echo '$(STAMP)' | cmp -s - $@ || echo '$(STAMP)' >$@

units: $(UNITS)                 ## build the unit tests

# One step after the other, so that what failed is the last thing said.
check:                          ## all tests, on gcc and with clang's sanitizers, lint: what CI runs
	@scripts/install-deps check
	@$(MAKE) --no-print-directory WERROR=-Werror all units
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory clang san-build
	@$(MAKE) --no-print-directory fuzz-seeds
	@tests/run -b $(BUILD) -b $(BUILD)/san

test: all units                 ## the tests alone
	@tests/run -b $(BUILD)

clang:                          ## build with clang, into build/clang
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/clang CC=clang WERROR=-Werror all units

san-build:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/san CC=clang OPT='-O1 -g' SAN='$(SANITIZERS)' \
	  WERROR=-Werror all units

san: san-build                  ## the tests under address and undefined sanitizers
	@tests/run -b $(BUILD)/san

lint: layers $(TIDY)            ## layout of code, mistakes in C, shell and manuals
	@clang-format --dry-run -Werror $(C_FILES)
	@shellcheck $(SHELL_FILES)
	@mandoc -T lint -W warning $(MAN)

# Slow, so once for each change: the object knows what it was made of.
$(TIDY): $(BUILD)/%.tidy: $(BUILD)/%.o .clang-tidy
	@clang-tidy --quiet $*.c -- $(CPPFLAGS_ALL) $(PQ_CFLAGS) -std=gnu11 2>/dev/null
	@touch $@

layers:                         ## which file may include which
	@tests/layers

FUZZ = $(BUILD)/fuzz-build
fuzz: fuzz-build                ## each parser's fuzz target for FUZZ_SECONDS
	@tests/fuzz/run $(FUZZ)/fuzz -max_total_time=$(FUZZ_SECONDS) -timeout=10

fuzz-build:
	@$(MAKE) --no-print-directory BUILD=$(FUZZ) CC=clang OPT='-O1 -g' WERROR=-Werror \
	  SAN='$(SANITIZERS) -fsanitize=fuzzer-no-link' LDFLAGS=-fsanitize=fuzzer fuzzers

# The seeds, and the same few inputs made from them each time.
fuzz-seeds: fuzz-build
	@tests/fuzz/run $(FUZZ)/fuzz -seed=1 -runs=20000 -max_total_time=20 -timeout=10

fuzzers: $(FUZZERS)

SEED   = 1
FAULTS = 1000
STORE  = sqlite
chaos: all                      ## FAULTS random faults from SEED, then STORE (or dynamodb) is compared with SQL
	@scripts/install-deps check
	@tests/e2e/chaos/run --seed $(SEED) --faults $(FAULTS) --store $(STORE) $(if $(REPLAY),--replay $(REPLAY))

MINUTES = 30
soak: all                       ## 5,000 rows a second for MINUTES: memory, and the log kept for the slot
	@scripts/install-deps check
	@tests/e2e/chaos/soak $(MINUTES)

bench: all                      ## speed, beside the tools of others; TOOL=NAME: that entry alone
	@scripts/install-deps bench
	@tests/bench/run $(TOOL)

bench-plot:                     ## take the results of the last bench into the README
	@cp $(BUILD)/bench.json tests/bench/results.json
	@tests/bench/plot tests/bench/results.json >tests/bench/results.svg

demo:                           ## the whole thing on a private PostgreSQL, from nothing
	@scripts/install-deps demo
	@$(MAKE) --no-print-directory all
	@scripts/demo

demo-batch:                     ## the daily files, likewise
	@scripts/install-deps demo
	@$(MAKE) --no-print-directory all
	@scripts/demo-batch

format:                         ## lay the C code out
	clang-format -i $(C_FILES)

bindir  = $(DESTDIR)$(PREFIX)/bin
mandir  = $(DESTDIR)$(PREFIX)/share/man
compdir = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
docdir  = $(DESTDIR)$(PREFIX)/share/doc/tuberia

install: all                    ## into DESTDIR and PREFIX: tools, scripts, manuals, completions
	install -d $(bindir) $(compdir) $(docdir)
	install $(BINS) $(SCRIPTS) $(bindir)
	install -D $(HELPERS) -t $(DESTDIR)$(PREFIX)/libexec/tuberia
	for page in $(MAN); do install -D -m 644 $$page $(mandir)/man$${page##*.}/$${page##*/} || exit 1; done
	for tool in $(TOOLS); do $(BUILD)/bin/$$tool --completion=bash >$(compdir)/$$tool || exit 1; done
	cp -R scripts/deploy $(docdir)

uninstall:                      ## take back what install put there
	rm -f $(addprefix $(bindir)/,$(TOOLS) $(notdir $(SCRIPTS))) $(addprefix $(compdir)/,$(TOOLS))
	rm -f $(foreach page,$(MAN),$(mandir)/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))
	rm -rf $(docdir) $(DESTDIR)$(PREFIX)/libexec/tuberia

clean:                          ## remove what was built
	rm -rf $(BUILD)

help:                           ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1	/p' Makefile | expand -t 20

-include $(wildcard $(BUILD)/lib/*/*.d $(BUILD)/cmd/*.d $(BUILD)/tests/*/*.d)

FORCE:
.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all units check test clang san-build san lint layers fuzz fuzz-build fuzz-seeds \
	fuzzers chaos soak bench bench-plot demo demo-batch format install uninstall clean help FORCE
