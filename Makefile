# Tubería. `make` builds build/bin/*; `make help` lists the rest.

CC      = gcc
BUILD   = build
PREFIX  = /usr/local
DESTDIR =
OPT     = -O2 -g

WARN    = -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
          -Wmissing-prototypes -Wpointer-arith -Wvla -Wformat=2 -Wundef $(WERROR)
CPPFLAGS_ALL = -D_GNU_SOURCE -iquote lib $(CPPFLAGS)
CFLAGS_ALL   = -std=gnu11 $(OPT) $(WARN) -fno-strict-aliasing -fstack-protector-strong $(SAN) $(CFLAGS)
LDFLAGS_ALL  = -Wl,--as-needed $(SAN) $(LDFLAGS)
ARFLAGS      = rcs

PQ_CFLAGS := $(shell pkg-config --cflags libpq 2>/dev/null)

TOOLS    = $(patsubst cmd/%.c,%,$(wildcard cmd/*.c))
LIB_SRC  = $(wildcard lib/*/*.c)
LIB_OBJ  = $(LIB_SRC:%.c=$(BUILD)/%.o)
LIB      = $(BUILD)/libtuberia.a
UNITS    = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*.c))
BINS     = $(TOOLS:%=$(BUILD)/bin/%)

# Each tool links only what it uses: the archive gives it the objects it names, --as-needed drops the
# libraries that none of them needs.
LDLIBS   = -lpq -lsqlite3 -lcjson -lcrypto

all: $(BINS)

$(BUILD)/bin/%: $(BUILD)/cmd/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $< $(LIB) $(LDLIBS)

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $< $(LIB) $(LDLIBS)

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(AR) $(ARFLAGS) $@ $(LIB_OBJ)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(PQ_CFLAGS) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

units: $(UNITS)

clean:
	rm -rf $(BUILD)

-include $(wildcard $(BUILD)/lib/*/*.d $(BUILD)/cmd/*.d $(BUILD)/tests/*/*.d)

.SECONDARY:
.PHONY: all units clean
