# The image holds the binary, the C library it links, root certificates and nothing else: no shell, no package manager.
# Runs as a user without a name or a home, on a read-only root; only /data is written to.
#
# For a production build pin both stages by digest: --build-arg RUST_IMAGE=rust@sha256:…  (a tag may move; the digest of
# the day has to come from the registry you pull from, so none stands here.)
ARG RUST_IMAGE=rust:1.95-slim-bookworm

FROM ${RUST_IMAGE} AS build
# gcc and libc6-dev come with the image; SQLite and the cryptography are compiled from source with them.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY proxy proxy
COPY simulator simulator
COPY public public
COPY plans plans
COPY migrations migrations
# The version that /health and the session message show; the build context has no .git.
ARG VIVA_GIT_HASH=unknown
ENV VIVA_GIT_HASH=${VIVA_GIT_HASH}
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked \
 && install -D target/release/viva /image/app/viva
# What the dynamic linker asks for, at the paths it asks for them.
RUN ldd /image/app/viva | grep -oE '/[^ ]+' | sort -u | xargs -I{} install -D {} /image{} \
 && install -D -m 644 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt \
 && install -d -m 1777 /image/tmp \
 && install -d -o 65532 -g 65532 -m 700 /image/data

FROM scratch
COPY --from=build /image /
ENV BIND=0.0.0.0 \
    PORT=8080 \
    DATA_DIR=/data \
    LOG_FORMAT=json \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/app/viva", "health"]
STOPSIGNAL SIGTERM
CMD ["/app/viva"]
