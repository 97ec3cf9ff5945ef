# The images of the services: `docker build --target issuer .`, `docker build --target redeemer .`, or docker-compose.
ARG RUST_IMAGE=rust:1-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

FROM ${RUST_IMAGE} AS build
WORKDIR /build
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
COPY common common
COPY issuer issuer
COPY redeemer redeemer
# Members that are not built; cargo wants to see the whole workspace.
COPY gate gate
COPY tests tests
COPY wallet wallet
COPY xtask xtask
# Functions keep their names for panics; lines are a third of the programs' size.
ENV CARGO_PROFILE_RELEASE_DEBUG=none CARGO_PROFILE_RELEASE_STRIP=debuginfo
RUN cargo build --locked --release -p farthing-issuer -p farthing-redeemer

# Users and directories are in both images, because a new volume takes owner and mode from the image that is first to
# mount it, and the keyring belongs to one service and is read by the other.
FROM ${RUNTIME_IMAGE} AS runtime
RUN groupadd --gid 10010 farthing-keys \
 && useradd --uid 10001 --user-group --groups farthing-keys --no-create-home --shell /usr/sbin/nologin farthing-issuer \
 && useradd --uid 10002 --user-group --groups farthing-keys --no-create-home --shell /usr/sbin/nologin farthing-redeemer \
 && install -d -o farthing-issuer -g farthing-issuer -m 0700 /var/lib/farthing-issuer \
 && install -d -o farthing-redeemer -g farthing-redeemer -m 0700 /var/lib/farthing-redeemer \
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
