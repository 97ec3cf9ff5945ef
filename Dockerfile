# The images of the services, and of a sample site: `docker build --target issuer .`, and so with `redeemer`, `gate` and
# `site`, or docker-compose.
ARG RUST_IMAGE=rust:1-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

FROM ${RUST_IMAGE} AS build
WORKDIR /build
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
COPY common common
COPY gate gate
COPY issuer issuer
COPY redeemer redeemer
# Members that are not built; cargo wants to see the whole workspace.
COPY tests tests
COPY wallet wallet
COPY xtask xtask
# Functions keep their names for panics; lines are a third of the programs' size.
ENV CARGO_PROFILE_RELEASE_DEBUG=none CARGO_PROFILE_RELEASE_STRIP=debuginfo
RUN cargo build --locked --release -p farthing-issuer -p farthing-redeemer -p farthing-gate

# Users and directories are in all images, because a new volume takes owner and mode from the image that is first to
# mount it: the keyring belongs to one service and is read by the other, the gate's API key is put down by the redeemer.
FROM ${RUNTIME_IMAGE} AS runtime
RUN groupadd --gid 10010 farthing-keys \
 && useradd --uid 10001 --user-group --groups farthing-keys --no-create-home --shell /usr/sbin/nologin farthing-issuer \
 && useradd --uid 10002 --user-group --groups farthing-keys --no-create-home --shell /usr/sbin/nologin farthing-redeemer \
 && useradd --uid 10003 --user-group --no-create-home --shell /usr/sbin/nologin farthing-gate \
 && install -d -o farthing-issuer -g farthing-issuer -m 0700 /var/lib/farthing-issuer \
 && install -d -o farthing-redeemer -g farthing-redeemer -m 0700 /var/lib/farthing-redeemer \
 && install -d -o farthing-gate -g farthing-gate -m 0700 /var/lib/farthing-gate \
 && install -d -o farthing-issuer -g farthing-keys -m 2750 /var/lib/farthing-keys
COPY configs/compose/once /usr/local/bin/
WORKDIR /etc/farthing

# A user's further groups are looked up only where no group is named after it.
FROM runtime AS issuer
COPY --from=build /build/target/release/farthing-issuer /usr/local/bin/
USER 10001
ENTRYPOINT ["farthing-issuer"]
CMD ["serve"]

FROM runtime AS redeemer
COPY --from=build /build/target/release/farthing-redeemer /usr/local/bin/
USER 10002
ENTRYPOINT ["farthing-redeemer"]
CMD ["serve"]

FROM runtime AS gate
COPY --from=build /build/target/release/farthing-gate /usr/local/bin/
USER 10003
ENTRYPOINT ["farthing-gate"]
CMD ["serve"]

# The sample site comes last, so that builders that make every stage on the way make it for nobody else.
FROM build AS site-build
RUN cargo build --locked --release -p farthing-gate --example static_site

FROM ${RUNTIME_IMAGE} AS site
COPY --from=site-build /build/target/release/examples/static_site /usr/local/bin/
USER nobody
ENTRYPOINT ["static_site"]
CMD ["/srv/site", "0.0.0.0:8080"]
