# SPDX-License-Identifier: MIT
#
# taskfs, by wildcards: a new .c file in a folder is in the next build. `make help` lists what can be made.
# Every variant has a directory of its own below build/ (or B=DIR), so changing between them rebuilds nothing:
#   native        what is installed                     check         unit tests, with the lock checker
#   asan-ubsan    both of these under SAN=asan,ubsan    tsan          the same under SAN=tsan
#   web           the kernel for a page                 web-check     its unit tests
B ?= build
Q := $(if $(V),,@)
# As many jobs as processors; tools/test.sh asks for them itself.
MAKEFLAGS += --no-builtin-rules $(if $(filter 0,$(MAKELEVEL)),$(if $(filter test mutants,$(MAKECMDGOALS)),,-j$(shell nproc)))
.DELETE_ON_ERROR:
.SECONDARY:

VERSION := 0.1.0
SO      := libtaskfs.so.0
PREFIX  ?= /usr/local
DESTDIR ?=
CC      := gcc
AR      := gcc-ar
OBJCOPY := objcopy
# Debian keeps what emcc asks node for where only its own node looks.
EMCC    := NODE_PATH=/usr/share/nodejs emcc
SECONDS ?= 60

comma := ,
space := $(subst ,, )
SANS    := $(subst $(comma), ,$(SAN))
NATIVE  := $(if $(SANS),$(subst $(space),-,$(SANS)),native)
CHECK   := $(if $(SANS),$(NATIVE),check)

# ---- flags ----------------------------------------------------------------------------------------------------------

WARN      := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
BASE      := -std=c11 -I. -Iinclude -pthread -g $(WARN) -MMD -MP $(EXTRA_CFLAGS)
SAN_asan  := -fsanitize=address
SAN_ubsan := -fsanitize=undefined -fno-sanitize-recover=all
SAN_tsan  := -fsanitize=thread
SANFLAGS  := $(foreach s,$(SANS),$(or $(SAN_$(s)),$(error SAN=$(s): asan, ubsan and tsan are known)))
SANFLAGS  += $(if $(SANS),-fno-omit-frame-pointer)

# The library and the command are compiled alike; what the library shows is chosen when it is linked.
FLAGS_native := $(BASE) -O2 -fPIC -fvisibility=hidden
FLAGS_check  := $(BASE) -O1 -DLOCK_CHECK
ifneq ($(SANS),)
FLAGS_$(NATIVE) := $(BASE) -O1 -DLOCK_CHECK -fPIC $(SANFLAGS)
endif
FLAGS_web       := $(BASE) -O2
FLAGS_web-check := $(BASE) -O1 -DLOCK_CHECK
LINK := $(CC) -pthread $(SANFLAGS) -Wl,--gc-sections -Wl,-rpath,'$$ORIGIN:$$ORIGIN/../lib'
LIBS := -lm

# ---- sources --------------------------------------------------------------------------------------------------------

# Folders whose unit tests are built; `make check DIRS="os p9"` takes fewer.
DIRS      := os kern p9 dev engine door
KERNEL    := os kern p9 dev engine door
# What exists on one side only. Everything else is compiled for both.
NATIVE_ONLY := $(wildcard os/posix/*.c dev/devhost*.c door/fuse*.c *_posix_test.c */*_posix_test.c test/*_posix.c)
WEB_ONLY    := $(wildcard os/web/*.c test/web/*.c)

in        = $(foreach d,$(1),$(wildcard $(d)/*.c))
no_tests  = $(filter-out %_test.c,$(1))
tests     = $(filter %_test.c,$(1))
objects   = $(patsubst %.c,$(B)/$(1)/%.o,$(2))

# What is the command's alone: the library does without libfuse.
FUSE_SRC    := $(call no_tests,$(wildcard door/fuse*.c))
COMMAND_SRC := front/taskfs.c $(wildcard front/mount.c front/job.c) $(FUSE_SRC)
LIB_SRC     := $(filter-out $(FUSE_SRC),$(call no_tests,$(call in,$(KERNEL) os/posix)))
ENGINE_SRC  := $(call no_tests,$(call in,engine/wasmtime))
FRONT_SRC   := $(call no_tests,$(filter-out $(COMMAND_SRC) front/boot_web%,$(call in,front)))
RUNNER_SRC  := $(wildcard test/*.c)
CHECK_SRC   := $(LIB_SRC) $(FUSE_SRC) $(call tests,$(call in,$(DIRS) os/posix)) $(RUNNER_SRC)
ENGINE_TEST := $(call tests,$(call in,engine/wasmtime front)) $(call no_tests,$(RUNNER_SRC))
WEB_SRC     := $(call no_tests,$(filter-out $(NATIVE_ONLY),$(call in,$(KERNEL) os/web))) front/bootlist.c front/boot_web.c
WEB_CHECK   := $(filter-out $(NATIVE_ONLY),$(call no_tests,$(call in,$(KERNEL) os/web)) \
	$(call tests,$(call in,$(DIRS))) $(RUNNER_SRC)) $(wildcard test/web/*.c)

LIB_OBJ   := $(call objects,$(NATIVE),$(LIB_SRC) $(ENGINE_SRC) $(FRONT_SRC))
SHIPPED   := $(B)/$(NATIVE)/taskfs $(B)/$(NATIVE)/libtaskfs.a $(B)/$(NATIVE)/$(SO)

# What a root has at /bin: WASI programs, each of one file, where their compiler and its library are.
WASI_CC    := clang-19 --target=wasm32-wasi
WASI_FLAGS := -O2 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wvla -Werror -Wl,--strip-all
WASI_HERE  := $(shell command -v clang-19 >/dev/null && command -v wasm-ld-19 >/dev/null && \
	ls /usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a /usr/include/wasm32-wasi/stdio.h 2>/dev/null)
PROGRAMS   := $(if $(word 2,$(WASI_HERE)),$(patsubst user/%.c,$(B)/$(NATIVE)/bin/%,$(wildcard user/*.c)))

# Manual pages are made of pages of doc/.
MAN := $(B)/man/taskfs.1 $(B)/man/taskfs.4 $(B)/man/taskfs-fuse.4 \
	$(patsubst doc/dev/%.md,$(B)/man/taskfs-%.4,$(wildcard doc/dev/*.md))

.PHONY: all man
all: $(SHIPPED) $(PROGRAMS) man
	@$(if $(PROGRAMS),:,echo '  no compiler for WASI here$(comma) so no programs for /bin: tools/setup.sh prog')

# ---- objects: one rule a variant ------------------------------------------------------------------------------------

# The flags are a file that changes when they do, so that objects made with others are made again.
define VARIANT
$(B)/$(1)/flags: FORCE
	@mkdir -p $$(@D); echo '$(2) $$(FLAGS_$(1))' | cmp -s - $$@ || echo '$(2) $$(FLAGS_$(1))' > $$@
$(B)/$(1)/%.o: %.c $(B)/$(1)/flags
	@mkdir -p $$(@D); echo '  $(lastword $(2)) $$@'
	$$(Q)$(2) $$(FLAGS_$(1)) $$(ADD) -c -o $$@ $$<
-include $$(shell find $(B)/$(1) -name '*.d' 2>/dev/null)
endef
$(foreach v,$(sort $(NATIVE) $(CHECK)),$(eval $(call VARIANT,$(v),$(CC))))
$(foreach v,web web-check,$(eval $(call VARIANT,$(v),$(EMCC))))

.PHONY: FORCE
FORCE:

# ---- the wasm engine: made once a machine, outside the tree ---------------------------------------------------------

ENGINE_INPUTS := $(wildcard tools/wasmtime.sh tools/wasmtime/* tools/wasmtime/src/* tools/pins)
ENGINE_DIR    := $(B)/wasmtime.dir
$(ENGINE_DIR): $(ENGINE_INPUTS) $(B)/engine.choice
	@mkdir -p $(B)
	$(Q)tools/wasmtime.sh > $@.new
	$(Q)tail -n 1 $@.new > $@; rm -f $@.new
$(B)/engine.choice: FORCE
	@mkdir -p $(B); echo '$(ENGINE) $(WASMTIME_DIR)' | cmp -s - $@ || echo '$(ENGINE) $(WASMTIME_DIR)' > $@

ENGINE_FLAGS = $$(tools/wasmtime.sh --cflags | sed 's/-I/-isystem /g')
ENGINE_LIBS = $$(tools/wasmtime.sh --libs) -lb2
FUSE_FLAGS = $$(pkg-config --cflags fuse3)
FUSE_LIBS = $$(pkg-config --libs fuse3)
$(B)/%: ADD =
$(B)/$(NATIVE)/front/%: ADD = -fvisibility=default
$(call objects,$(NATIVE),$(call in,engine/wasmtime)) $(call objects,$(CHECK),$(call in,engine/wasmtime)): $(ENGINE_DIR)
$(call objects,$(NATIVE),$(call in,engine/wasmtime)) $(call objects,$(CHECK),$(call in,engine/wasmtime)): \
	ADD = $(ENGINE_FLAGS)
$(foreach v,$(NATIVE) $(CHECK),$(call objects,$(v),$(wildcard door/fuse*.c))): ADD = $(FUSE_FLAGS) -D_DEFAULT_SOURCE

# ---- what is installed ----------------------------------------------------------------------------------------------

$(B)/$(NATIVE)/taskfs: $(LIB_OBJ) $(call objects,$(NATIVE),$(COMMAND_SRC)) $(ENGINE_DIR)
	@echo '  link $@'
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(ENGINE_LIBS) $(FUSE_LIBS) $(LIBS)

$(B)/$(NATIVE)/bin/%: user/%.c Makefile
	@mkdir -p $(@D); echo '  wasi $@'
	$(Q)$(WASI_CC) $(WASI_FLAGS) -o $@ $<

# Only what begins with taskfs_ is seen from outside, in the shared library and in the archive.
$(B)/$(NATIVE)/libtaskfs.map: Makefile
	@mkdir -p $(@D); printf '{ global: taskfs_*; local: *; };\n' > $@

$(B)/$(NATIVE)/$(SO): $(LIB_OBJ) $(ENGINE_DIR) $(B)/$(NATIVE)/libtaskfs.map
	@echo '  link $@'
	$(Q)$(LINK) -shared -Wl,-soname,$(SO) -Wl,--version-script,$(B)/$(NATIVE)/libtaskfs.map -o $@ \
		$(filter %.o,$^) $(ENGINE_LIBS) $(LIBS)
	$(Q)ln -sf $(SO) $(@D)/libtaskfs.so

# One object that holds the engine too, as far as it is used; a prebuilt engine is a shared library, installed beside ours.
ENGINE_FILE = $$(tools/wasmtime.sh --libs | sed 's/ .*//')
$(B)/$(NATIVE)/libtaskfs.a: $(LIB_OBJ) $(ENGINE_DIR)
	@echo '  archive $@'
	$(Q)$(CC) -r -nostdlib -Wl,--gc-sections \
		$$(nm -g --defined-only $(filter %.o,$^) | sed -n 's/.* \(taskfs_.*\)/-Wl,-u,\1/p') \
		-o $(B)/$(NATIVE)/libtaskfs.o $(filter %.o,$^) $$(echo $(ENGINE_FILE) | grep '\.a$$')
	$(Q)$(OBJCOPY) -F $$(ld --print-output-format) --wildcard --keep-global-symbol='taskfs_*' $(B)/$(NATIVE)/libtaskfs.o
	$(Q)rm -f $@
	$(Q)$(AR) rcsD $@ $(B)/$(NATIVE)/libtaskfs.o

man: $(MAN)
$(B)/man/taskfs.1: doc/man/taskfs.1.md doc/run.md doc/mount.md
$(B)/man/taskfs.4: doc/man/taskfs.4.md
$(B)/man/taskfs-fuse.4: doc/door/fuse.md
$(filter-out %/taskfs-fuse.4,$(filter $(B)/man/taskfs-%,$(MAN))): $(B)/man/taskfs-%.4: doc/dev/%.md
$(MAN): tools/man.sh Makefile
	@mkdir -p $(@D)
	$(Q)tools/man.sh $(basename $(@F)) $(patsubst .%,%,$(suffix $@)) $(VERSION) $(firstword $(filter %.md,$^)) > $@

MAN_DIR := $(DESTDIR)$(PREFIX)/share/man
.PHONY: install
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 755 $(B)/$(NATIVE)/taskfs $(DESTDIR)$(PREFIX)/bin/taskfs
	install -m 644 include/taskfs.h $(DESTDIR)$(PREFIX)/include/taskfs.h
	install -m 755 $(B)/$(NATIVE)/$(SO) $(DESTDIR)$(PREFIX)/lib/$(SO)
	ln -sf $(SO) $(DESTDIR)$(PREFIX)/lib/libtaskfs.so
	install -m 644 $(B)/$(NATIVE)/libtaskfs.a $(DESTDIR)$(PREFIX)/lib/libtaskfs.a
	install -d $(DESTDIR)$(PREFIX)/lib/taskfs/bin
	$(if $(PROGRAMS),install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/lib/taskfs/bin/)
	install -d $(MAN_DIR)/man1 $(MAN_DIR)/man4
	install -m 644 $(filter %.1,$(MAN)) $(MAN_DIR)/man1/
	install -m 644 $(filter %.4,$(MAN)) $(MAN_DIR)/man4/
	install -D -m 644 completion/taskfs.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/taskfs
	install -D -m 644 completion/_taskfs $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_taskfs
	install -D -m 644 completion/taskfs.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/taskfs.fish
	case $(ENGINE_FILE) in *.so) install -m 755 $(ENGINE_FILE) $(DESTDIR)$(PREFIX)/lib/ ;; esac
	printf '%s\n' 'prefix=$(PREFIX)' 'Name: taskfs' 'Description: A kernel in which every task is a directory' \
		'Version: $(VERSION)' 'Cflags: -I$${prefix}/include' 'Libs: -L$${prefix}/lib -ltaskfs' \
		'Libs.private: -lb2 -pthread -ldl -lm' > $(DESTDIR)$(PREFIX)/lib/pkgconfig/taskfs.pc

# ---- unit tests -----------------------------------------------------------------------------------------------------

UNIT        := $(B)/$(CHECK)/unit
ENGINE_UNIT := $(B)/$(CHECK)/engine-unit
$(UNIT): $(call objects,$(CHECK),$(CHECK_SRC))
	@echo '  link $@'
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(FUSE_LIBS) $(LIBS)
$(ENGINE_UNIT): $(call objects,$(CHECK),$(LIB_SRC) $(ENGINE_SRC) $(FRONT_SRC) $(ENGINE_TEST)) $(ENGINE_DIR)
	@echo '  link $@'
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(ENGINE_LIBS) $(LIBS)

# Some kernels place things so freely that the thread sanitizer's shadow is in the way.
SUPPRESS := $(wildcard test/tsan.supp)
RUN := $(if $(filter tsan,$(SANS)),TSAN_OPTIONS=$(if $(SUPPRESS),suppressions=$(SUPPRESS)) setarch -R)

.PHONY: unit check-unit check-engine check
unit: $(UNIT)
check-unit: $(UNIT)
	$(RUN) $(UNIT) $(T)
check-engine: $(ENGINE_UNIT)
	$(RUN) $(ENGINE_UNIT) $(T)

# The hostile runs: everything in one process, with the lock checker.
SOAK := $(B)/$(CHECK)/soak
$(call objects,$(CHECK),$(call in,test/soak)): $(ENGINE_DIR)
$(call objects,$(CHECK),$(call in,test/soak)): ADD = $(ENGINE_FLAGS)
$(SOAK): $(call objects,$(CHECK),$(LIB_SRC) $(ENGINE_SRC) $(FRONT_SRC) $(call in,test/soak) test/testengine.c) $(ENGINE_DIR)
	@echo '  link $@'
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(ENGINE_LIBS) $(LIBS)
.PHONY: soak-program soak
soak-program: $(SOAK)
soak: all $(SOAK)
	@work=$$(mktemp -d) && trap 'rm -rf "$$work"' EXIT && trap 'exit 130' INT TERM && \
		TOP='$(CURDIR)' BUILD='$(abspath $(B)/$(NATIVE))' TASKFS='$(abspath $(B)/$(NATIVE)/taskfs)' TEST_TMP=$$work \
		SOAK_SECONDS=$(SECONDS) SEED='$(SEED)' $(RUN) sh test/soak.sh

# Runs in under a minute, and needs neither the wasm engine nor a browser.
check: $(UNIT)
	@$(if $(T),:,tools/includes.sh && tools/sizes.sh && tools/format.sh)
	$(RUN) $(UNIT) $(T)

# ---- the page -------------------------------------------------------------------------------------------------------

EM_LINK := $(EMCC) -pthread -g2 -O1 -sPROXY_TO_PTHREAD=1 -sEXIT_RUNTIME=1 -sPTHREAD_POOL_SIZE=4 \
	-sINITIAL_MEMORY=268435456 -sABORTING_MALLOC=0

.PHONY: web web-unit check-web
web: $(B)/web/libtaskfs.a
$(B)/web/libtaskfs.a: $(call objects,web,$(WEB_SRC))
	@echo '  archive $@'
	$(Q)rm -f $@
	$(Q)emar rcs $@ $^
web-unit: $(B)/web-check/unit.js
$(B)/web-check/unit.js: $(call objects,web-check,$(WEB_CHECK))
	@echo '  link $@'
	$(Q)$(EM_LINK) -o $@ $^
$(B)/node/.installed: test/web/package.json test/web/package-lock.json
	@mkdir -p $(B)/node
	cp test/web/package.json test/web/package-lock.json $(B)/node/
	npm ci --prefix $(B)/node --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@
check-web: $(B)/web-check/unit.js $(B)/node/.installed
	NODE_MODULES=$(B)/node/node_modules node test/web/drive.mjs $(B)/web-check $(T)

# ---- everything -----------------------------------------------------------------------------------------------------

.PHONY: setup test run newcomer bench fuzz lint fmt clean help
setup:
	@tools/setup.sh

test:
	@SAN='$(SAN)' T='$(T)' tools/test.sh

# Only what the build and the programs of user/ need; on all processors unless -j says otherwise.
run:
	@tools/setup.sh build prog
	@$(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$$(getconf _NPROCESSORS_ONLN)) all
	@tools/shell.sh $(B)/$(NATIVE)/taskfs

# Both of README's commands on a Debian that has nothing; by hand, as root, a quarter of an hour.
newcomer:
	@tools/newcomer.sh $(T)

# Each fault of test/mutants must turn the check that its head names red; T="NAME..." for fewer.
.PHONY: mutants
mutants:
	@B='$(B)' tools/mutants.sh $(T)

# Both sides of every benchmark in one program; what the host's side starts stands beside it.
BENCH := $(B)/native/bench/bench
$(call objects,native,$(call in,bench)): $(ENGINE_DIR)
$(call objects,native,$(call in,bench)): ADD = $(ENGINE_FLAGS)
$(BENCH): $(call objects,native,$(LIB_SRC) $(ENGINE_SRC) $(FRONT_SRC) $(call in,bench)) $(ENGINE_DIR)
	@echo '  link $@'
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(ENGINE_LIBS) $(LIBS)
$(B)/native/bench/true-%: Makefile
	@mkdir -p $(@D)
	$(Q)echo 'int main(void) { return 0; }' | $(CC) -O2 $(if $(filter static,$*),-static) -x c -o $@ -
# An example of libfuse's, where its package has left it.
PASSTHROUGH := /usr/share/doc/libfuse3-dev/examples/passthrough_ll.c
$(B)/native/bench/passthrough_ll: Makefile
	@mkdir -p $(@D)
	$(Q)[ ! -f $(PASSTHROUGH) ] || $(CC) -O2 -pthread -o $@ $(PASSTHROUGH) $(FUSE_FLAGS) $(FUSE_LIBS)
bench: $(BENCH) $(addprefix $(B)/native/,taskfs bench/true-static bench/true-dynamic bench/passthrough_ll)
	@$(BENCH) $(T)

# A fuzzer is test/fuzz/X.c in libFuzzer's form. `make fuzz` runs it under clang; replay.c runs its corpus under gcc.
FUZZERS  := $(patsubst test/fuzz/%.c,%,$(filter-out test/fuzz/replay.c,$(wildcard test/fuzz/*.c)))
FUZZ_SRC := $(LIB_SRC) $(wildcard engine/wasmtime/wasm_code.c engine/wasmtime/wasm_rewrite.c) $(filter-out test/main_%,$(call no_tests,$(RUNNER_SRC)))
FUZZ_CC  := clang-19 -std=c11 -I. -Iinclude -pthread -g -O1 -DLOCK_CHECK -fsanitize=fuzzer,address,undefined
$(B)/$(CHECK)/fuzz/%: $(B)/$(CHECK)/test/fuzz/%.o $(B)/$(CHECK)/test/fuzz/replay.o $(call objects,$(CHECK),$(FUZZ_SRC))
	@mkdir -p $(@D)
	@echo '  link $@'
	$(Q)$(LINK) -o $@ $^ $(LIBS)
$(B)/fuzz/%: test/fuzz/%.c $(FUZZ_SRC) FORCE
	@mkdir -p $(B)/fuzz/corpus/$*
	@echo '  clang $@'
	$(Q)$(FUZZ_CC) -o $@ $(filter %.c,$^) $(LIBS)
$(B)/fuzz/NAME:
	@echo 'make fuzz T=NAME, one of: $(FUZZERS)'; exit 2
.PHONY: check-fuzz
check-fuzz: $(patsubst %,$(B)/$(CHECK)/fuzz/%,$(FUZZERS))
	@tools/fuzz.sh $(B)/$(CHECK)/fuzz
fuzz: $(B)/fuzz/$(or $(filter $(FUZZERS),$(T)),NAME)
	$< -max_total_time=$(SECONDS) $(B)/fuzz/corpus/$(T) $(wildcard test/fuzz/$(T))

# gcc's analyzer is often wrong about pointers that a result of 0 promises; its words are for reading and fail nothing.
lint:
	@for f in $(LIB_SRC) $(ENGINE_SRC) $(FRONT_SRC); do \
		$(CC) $(filter-out -MMD -MP -Werror,$(BASE)) $(ENGINE_FLAGS) -O1 -fanalyzer -c -o /dev/null $$f 2>&1 | \
			grep 'warning:' || :; done
	clang-tidy --quiet $(LIB_SRC) -- -std=c11 -I. -Iinclude

fmt:
	@tools/format.sh --fix

clean:
	rm -rf $(B)

help:
	@printf '%s\n' \
	'make              build/native/taskfs, libtaskfs.a and $(SO)' \
	'make run          installs what is missing, builds, and opens your shell on the root of a fresh kernel; without a' \
	'                  terminal it plays doc/tour.md' \
	'make test         installs what is missing and runs everything; SAN=asan,ubsan or SAN=tsan for one of these' \
	'make setup        only installs what is missing' \
	'make check        unit tests, layout and format, in under a minute; T=ns for those of ns_test.c, T=ns.bind for' \
	'                  fewer; DIRS="os p9" builds only the tests of these folders' \
	'make check-engine unit tests that need the wasm engine; make check-web those of the page, in a browser' \
	'make web          the kernel for a page: build/web/' \
	'make install      PREFIX=$(PREFIX) DESTDIR=' \
	'make fuzz T=NAME  SECONDS=$(SECONDS); one of: $(FUZZERS)' \
	'make mutants      plants the faults of test/mutants one by one: a test must fail for each; T="NAME..." for fewer' \
	'make soak         hostile use, SECONDS=$(SECONDS) for each of its parts; SEED=N for one that was printed' \
	'make bench        prints a table; make lint looks for more; make fmt formats; make clean removes build/' \
	'make newcomer     both commands of README.md on a bare Debian, as root' \
	'ENGINE=prebuilt takes a built wasm engine instead of compiling one.'
