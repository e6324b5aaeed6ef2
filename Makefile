# omendb: vector search for PostgreSQL.  PGXS build; see README.md.
EXTENSION = omendb omendb_hnsw
EXTVERSION = 0.1.0
MODULE_big = omendb

# Folders of src, lower ones first: a folder includes headers of itself and of those before it (make deps).
FOLDERS = kernel/ quant/ types/ storage/ filter/ hnsw/ planner/ hnsw/stats/ hnsw/graph/ hnsw/table/ hnsw/calibrate/ hnsw/train/ hnsw/insert/ hnsw/vacuum/ hnsw/build/ hnsw/scan/ \
	bm25/ bm25/query/ bm25/tail/ bm25/segment/ bm25/insert/ bm25/build/ bm25/vacuum/ bm25/scan/ bm25/check/ hnsw/check/ hnsw/tune/
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c $(patsubst %,src/%*.c,$(FOLDERS)))))

# From one version to the next: written by hand.
DATA = $(wildcard src/sql/omendb--*--*.sql src/sql/omendb_hnsw--*--*.sql)
DATA_built = src/sql/omendb--$(EXTVERSION).sql src/sql/omendb_hnsw--$(EXTVERSION).sql
# What programs take omendb for, by `make install-as-vector`.
PEER_VERSION = 0.8.7
SQL_PARTS = src/sql/vector.sql src/sql/halfvec.sql src/sql/sparsevec.sql src/sql/bit.sql src/sql/omenhnsw.sql src/sql/tune.sql src/sql/advise.sql \
	src/sql/classes.built.sql src/sql/multivector.built.sql src/sql/filters.sql src/sql/adopt.sql src/sql/omenbm25.sql src/sql/textfilters.built.sql src/sql/hybrid.sql

REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=omendb
ISOLATION = $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --load-extension=omendb --inputdir=test/isolation --outputdir=output_iso
TAP_TESTS = 1
PROVE_TESTS ?= test/t/*.pl

# Vectorised loops want -O3 and no errno, equal codes on every CPU no fused products; never a CPU flag: kernels are chosen at run time.
# But for 32-bit x86, whose older floating-point unit rounds as no other machine does: SSE2, which all have had since 2003.
PG_CFLAGS = -O3 -fno-math-errno -fno-trapping-math -ffp-contract=off -fvisibility=hidden -MMD -MP \
	$(if $(filter i%86,$(host_cpu)),-msse2 -mfpmath=sse)
PG_CPPFLAGS = -I$(srcdir)/src
# For other extensions in C: $(includedir_server)/extension/omendb/omendb.h.
HEADERS = src/omendb.h
EXTRA_CLEAN = $(OBJS:.o=.d) $(DATA_built) src/sql/classes.built.sql src/sql/multivector.built.sql src/sql/textfilters.built.sql src/sql/names.built.sql src/sql/vector--*.sql src/sql/vector.control

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Up to PostgreSQL 17 a plan with a method that is switched off costs 1e10, so that JIT would compile each call of an SQL
# function that sorts: ten minutes instead of seconds.
installcheck: export PGOPTIONS += -c jit=off

# Which headers an object includes, as the compiler wrote it down.
-include $(OBJS:.o=.d)
$(OBJS:.o=.bc): %.bc: %.o

src/sql/omendb--$(EXTVERSION).sql: $(SQL_PARTS)
	cat $^ > $@

src/sql/%.built.sql: src/sql/%.awk
	awk -f $< > $@

# A column of text may be the searched one, by the same class.
src/sql/textfilters.built.sql: src/sql/filters.sql
	sed -e 's/omenhnsw/omenbm25/g' -e '/^CREATE OPERATOR CLASS text_ops$$/,/;$$/s/^    FUNCTION 2/    OPERATOR 13 <@> (text, bm25query) FOR ORDER BY float_ops,\n    OPERATOR 14 @@@ (text, bm25query),\n    FUNCTION 1 omenbm25_text_support(internal),\n&/' $< > $@

src/sql/names.built.sql: src/sql/names.sql src/sql/names.awk src/sql/classes.built.sql src/sql/filters.sql src/sql/multivector.built.sql
	{ cat src/sql/names.sql && for am in hnsw ivfflat; do \
		awk -v am=$$am -f src/sql/names.awk src/sql/classes.built.sql src/sql/filters.sql src/sql/multivector.built.sql; done; } > $@

src/sql/omendb_hnsw--$(EXTVERSION).sql: src/sql/names_head.sql src/sql/names.built.sql
	cat $^ > $@

src/sql/vector--$(PEER_VERSION).sql: src/sql/omendb--$(EXTVERSION).sql src/sql/names.built.sql
	sed 's/CREATE EXTENSION omendb/CREATE EXTENSION vector/' src/sql/omendb--$(EXTVERSION).sql | cat - src/sql/names.built.sql > $@

# omendb under the extension name of pgvector, for programs that run CREATE EXTENSION vector.
install-as-vector: install
	$(MAKE) --no-print-directory vector-names

# Of that, what comes beside an installed omendb.
vector-names: src/sql/vector--$(PEER_VERSION).sql
	@control='$(DESTDIR)$(datadir)/extension/vector.control'; \
	if [ -e "$$control" ] && ! grep -q '^# vector: omendb' "$$control"; then \
		echo "pgvector is installed ($$control): remove it before omendb takes its name" >&2; exit 1; fi
	$(MKDIR_P) '$(DESTDIR)$(datadir)/extension'
	sed 's/@VERSION@/$(PEER_VERSION)/' src/sql/vector.control.in > src/sql/vector.control
	$(INSTALL_DATA) src/sql/vector.control src/sql/vector--$(PEER_VERSION).sql '$(DESTDIR)$(datadir)/extension/'

# An archive of the last commit, as PGXN takes it: omendb-VERSION.zip.
dist:
	git archive --format=zip --prefix=omendb-$(EXTVERSION)/ -o omendb-$(EXTVERSION).zip HEAD
	@echo omendb-$(EXTVERSION).zip

# Which folder includes which; fails if one includes a folder that comes after it in FOLDERS.
deps:
	@grep -o '^#include "[^"]*"' /dev/null $(wildcard src/*.c src/*.h $(patsubst %,src/%*.[ch],$(FOLDERS))) | awk -v FOLDERS="$(FOLDERS)" -f src/deps.awk

# The C of the tree as PostgreSQL lays out its own; FILES="src/a.c ..." for some files only.
format:
	@perl $(srcdir)/test/format/format.pl $(FILES)

format-check:
	@perl $(srcdir)/test/format/format.pl --check $(FILES)

# What other programs find in the sources (test/lint.sh); lint-PART for one part.
lint:
	@PG_CONFIG='$(PG_CONFIG)' $(srcdir)/test/lint.sh

lint-%:
	@PG_CONFIG='$(PG_CONFIG)' $(srcdir)/test/lint.sh $*

.PHONY: dist install-as-vector vector-names deps format format-check lint
