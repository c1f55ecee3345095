# Sekimori. `make demo` shows the whole line on a real kernel in a VM; `make check` runs every test.
# Folders are layers: common <- policy <- platform <- agent, and common, policy <- server (docs/architecture.md).

VERSION   := $(shell cat VERSION)
BUILD     ?= build
CC        ?= gcc
ifeq ($(origin CC),default)
CC        := gcc
endif
PYTHON    ?= /usr/bin/python3
PREFIX    ?= /usr
DESTDIR   ?=
DEMO      ?= stay
SAN       ?=
# V=1 shows whole commands.
run        = $(if $(V),,@printf '  %-4s %s\n' '$(1)' '$(2)';)

PKGS      := libevent libevent_openssl openssl jansson sqlite3 libpq libsystemd libusb-1.0 inih blkid mount libcryptsetup libargon2 ldap lber libqrencode
# Resolved only when something is compiled, so that `make demo` can install the packages first.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
# -levent maps a second copy of what -levent_core and -levent_extra have.
PKG_LIBS   = $(eval PKG_LIBS := $(filter-out -levent,$(shell pkg-config --libs $(PKGS))) -levent_extra -levent_core -lhpdf)$(PKG_LIBS)

WARN      := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla
WERROR    ?= -Werror
HARDEN    := -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2 -fPIE
OPT       ?= -O2 -g
ifneq ($(SAN),)
HARDEN    := -fno-omit-frame-pointer -fPIE
OPT       := -O1 -g -fsanitize=$(SAN) -fno-sanitize-recover=all
endif
CFLAGS    ?=
ALL_CFLAGS = -std=gnu11 $(OPT) $(WARN) $(WERROR) $(HARDEN) -ffunction-sections -fdata-sections -D_GNU_SOURCE -I. \
             -DSK_VERSION='"$(VERSION)"' $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

AGENT_PROGRAMS  := sekimorid sekimori-uplink sekimori-session sekimori sekimori-probe sekimori-probe-session sekimori-early sekimori-mount sekimori-crypt sekimori-scan sekimori-erase sekimori-recorder sekimori-verdict
SERVER_PROGRAMS := sekimori-server
AGENT_PROGRAMS  := $(foreach p,$(AGENT_PROGRAMS),$(if $(wildcard agent/$(p).c),$(p)))
SERVER_PROGRAMS := $(foreach p,$(SERVER_PROGRAMS),$(if $(wildcard server/$(p).c),$(p)))

lib_src = $(filter-out $(foreach p,$(AGENT_PROGRAMS) $(SERVER_PROGRAMS),%/$(p).c),$(wildcard $(1)/*.c))
objs    = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
COMMON_OBJS   := $(call objs,$(call lib_src,common))
POLICY_OBJS   := $(call objs,$(call lib_src,policy))
PLATFORM_OBJS := $(call objs,$(call lib_src,platform))
AGENT_OBJS    := $(call objs,$(call lib_src,agent))
SERVER_OBJS   := $(call objs,$(call lib_src,server)) $(BUILD)/obj/gen/assets.o $(BUILD)/obj/gen/kinds.o
ASSETS        := $(wildcard server/assets/*.css server/assets/*.svg docs/guide/*.md docs/guide/images/*.png)

LIB_COMMON   := $(BUILD)/lib/libcommon.a
LIB_POLICY   := $(BUILD)/lib/libpolicy.a
LIB_PLATFORM := $(BUILD)/lib/libplatform.a
LIB_AGENT    := $(BUILD)/lib/libagent.a
LIB_SERVER   := $(BUILD)/lib/libserver.a
AGENT_LIBS   := $(LIB_AGENT) $(LIB_PLATFORM) $(LIB_POLICY) $(LIB_COMMON)
SERVER_LIBS  := $(LIB_SERVER) $(LIB_POLICY) $(LIB_COMMON)

PROGRAMS := $(addprefix $(BUILD)/bin/,$(AGENT_PROGRAMS) $(SERVER_PROGRAMS))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
INTEGRATION_TESTS := $(patsubst tests/integration/%.c,$(BUILD)/tests/integration/%,$(wildcard tests/integration/test_*.c))
PO_PARTS := $(wildcard po/fragments/*.po)
MO := $(BUILD)/locale/ja/LC_MESSAGES/sekimori.mo

.PHONY: all programs tests setup demo check quickcheck unit integration system deb install asan fuzz bench format-check \
        tidy layer-check size-check po-check coverage clang-build valgrind shots guide-pictures clean
all: programs $(MO)
programs: $(PROGRAMS)
tests: $(UNIT_TESTS) $(INTEGRATION_TESTS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call run,CC,$@)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(LIB_COMMON): $(COMMON_OBJS)
$(LIB_POLICY): $(POLICY_OBJS)
$(LIB_PLATFORM): $(PLATFORM_OBJS)
$(LIB_AGENT): $(AGENT_OBJS)
$(LIB_SERVER): $(SERVER_OBJS)
$(BUILD)/lib/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(call run,AR,$@)ar rcs $@ $^

# udev starts it up to three times for each device: nothing is loaded that only a dropped section asks for.
$(BUILD)/bin/sekimori-verdict: PKG_LIBS := -ljansson
$(addprefix $(BUILD)/bin/,$(AGENT_PROGRAMS)): $(BUILD)/bin/%: $(BUILD)/obj/agent/%.o $(AGENT_LIBS)
	@mkdir -p $(@D)
	$(call run,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $< $(AGENT_LIBS) $(PKG_LIBS)

$(addprefix $(BUILD)/bin/,$(SERVER_PROGRAMS)): $(BUILD)/bin/%: $(BUILD)/obj/server/%.o $(SERVER_LIBS)
	@mkdir -p $(@D)
	$(call run,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $< $(SERVER_LIBS) $(PKG_LIBS) -lpthread

# A test links the real objects of every layer. Criterion finds its tests in a section that --gc-sections would drop: then
# every program would pass with no test in it.
$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(LIB_SERVER) $(AGENT_LIBS)
	@mkdir -p $(@D)
	$(call run,LD,$@)$(CC) $(ALL_LDFLAGS) -Wl,--no-gc-sections -o $@ $< $(LIB_SERVER) $(AGENT_LIBS) $(PKG_LIBS) $(if $(findstring integration,$@),$(shell pkg-config --libs umockdev-1.0 gobject-2.0)) -lcriterion -lpthread
$(BUILD)/obj/tests/integration/%.o: ALL_CFLAGS += $(shell pkg-config --cflags umockdev-1.0 2>/dev/null)

# The console's style sheet, icon and guides are part of the program.
$(BUILD)/gen/assets.c: server/assets/embed.py $(ASSETS)
	@mkdir -p $(@D)
	$(PYTHON) server/assets/embed.py $@ $(ASSETS)
$(BUILD)/gen/kinds.c: server/assets/embed_text.py server/kinds.ini
	@mkdir -p $(@D)
	$(PYTHON) server/assets/embed_text.py sk_kinds_shipped server/kinds.h $@ server/kinds.ini
$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	$(call run,CC,$@)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/po/%.po: po/merge.sh $(PO_PARTS)
	@mkdir -p $(@D)
	po/merge.sh $@
$(BUILD)/locale/%/LC_MESSAGES/sekimori.mo: $(BUILD)/po/%.po
	@mkdir -p $(@D)
	msgfmt --check -o $@ $<

setup:
	packaging/setup.sh

demo: setup
	$(MAKE) all deb
	$(PYTHON) tests/system/demo.py $(if $(filter once,$(DEMO)),--once)

quickcheck: $(UNIT_TESTS)
	$(PYTHON) tests/run.py unit --build $(BUILD)
unit: quickcheck
integration: $(PROGRAMS) $(INTEGRATION_TESTS) $(MO)
	$(PYTHON) tests/run.py integration --build $(BUILD)
system: deb
	$(PYTHON) tests/system/run.py --require-debs $(SYSTEM_ARGS)
check: setup
	$(PYTHON) tests/run.py all --build $(BUILD)
asan:
	$(MAKE) BUILD=$(BUILD)/asan CC=clang SAN=address,undefined quickcheck
clang-build:
	$(MAKE) BUILD=$(BUILD)/clang CC=clang programs
fuzz:
	tests/fuzz/run.sh $(BUILD)/fuzz
bench: deb
	$(PYTHON) tests/bench/run.py --out $(BUILD)/bench
deb: all
	packaging/deb/build.sh $(BUILD)
install: all
	packaging/install.sh $(BUILD) "$(DESTDIR)" "$(PREFIX)"
format-check:
	tests/tools/format-check.sh
tidy:
	tests/tools/tidy.sh
layer-check:
	$(PYTHON) tests/tools/layers.py
size-check:
	$(PYTHON) tests/tools/sizes.py
po-check:
	$(PYTHON) tests/tools/po.py
guide-pictures: programs $(MO)
	packaging/setup.sh shots
	$(PYTHON) tests/browser/shots.py --build $(BUILD) --guide docs/guide/images
shots: programs $(MO)
	packaging/setup.sh shots
	$(PYTHON) tests/browser/shots.py --build $(BUILD)
valgrind: $(UNIT_TESTS)
	tests/tools/valgrind.sh $(BUILD)
coverage:
	$(MAKE) BUILD=$(BUILD)/coverage OPT="-O0 -g --coverage" LDFLAGS=--coverage quickcheck
	gcovr --root . $(BUILD)/coverage --exclude tests --txt $(BUILD)/coverage/coverage.txt --html $(BUILD)/coverage/coverage.html
clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
.SECONDARY:
