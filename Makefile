# omendb: vector search for PostgreSQL.  PGXS build; see README.md.
EXTENSION = omendb
EXTVERSION = 0.1.0
MODULE_big = omendb

OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/kernel/*.c src/quant/*.c src/types/*.c src/hnsw/*.c)))
OM_HEADERS = $(wildcard src/*.h src/*/*.h)

DATA_built = src/sql/omendb--$(EXTVERSION).sql
SQL_PARTS = src/sql/vector.sql src/sql/halfvec.sql src/sql/sparsevec.sql src/sql/bit.sql src/sql/omenhnsw.sql src/sql/filters.sql

REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=omendb
TAP_TESTS = 1
PROVE_TESTS ?= test/t/*.pl

# Vectorised loops want -O3 and no errno, equal codes on every CPU no fused products; never a CPU flag: kernels are chosen at run time.
PG_CFLAGS = -O3 -fno-math-errno -fno-trapping-math -ffp-contract=off -fvisibility=hidden -Isrc
PG_CPPFLAGS = -I$(srcdir)/src
EXTRA_CLEAN = src/sql/omendb--$(EXTVERSION).sql

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(OM_HEADERS)
$(OBJS:.o=.bc): $(OM_HEADERS)

src/sql/omendb--$(EXTVERSION).sql: $(SQL_PARTS)
	cat $^ > $@
