# omendb on the official image of PostgreSQL.
#
#   docker build -t omendb .
#   docker build -t omendb --build-arg PG_MAJOR=15 --build-arg TARGET=install-as-vector .
#
# TARGET install-as-vector: CREATE EXTENSION vector creates omendb, for programs that were written for pgvector.

ARG PG_MAJOR=17

FROM postgres:${PG_MAJOR}-bookworm AS build

ARG TARGET=install

# Header files of the server's own version, PG_VERSION of the image (docker build --pull: apt has the newest one only); make and gcc as Debian has them (DL3008).
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install -y --no-install-recommends gcc libc6-dev make "postgresql-server-dev-${PG_MAJOR}=${PG_VERSION}" && \
    rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY . .

# Without bitcode: queries spend no time where inlining by the JIT compiler would help.
RUN make -j"$(nproc)" with_llvm=no PG_CONFIG="/usr/lib/postgresql/${PG_MAJOR}/bin/pg_config" && \
    make with_llvm=no PG_CONFIG="/usr/lib/postgresql/${PG_MAJOR}/bin/pg_config" DESTDIR=/out "${TARGET}"

FROM postgres:${PG_MAJOR}-bookworm

COPY --from=build /out/ /

# Preloaded, so that omendb_stat_indexes counts what all sessions do.
CMD ["postgres", "-c", "shared_preload_libraries=omendb"]
