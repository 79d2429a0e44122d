# Builds two images, `signet` and `orders-axum`. Both are small and run as a user without privileges.
FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends perl make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked -p signet-issuer -p orders-axum && \
    install -D target/release/signet target/release/orders-axum -t /out/

FROM debian:bookworm-slim AS base
# The service fetches the JWKS over TLS, and the issuer fetches the keys and logos of clients.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin signet && install -d -o signet -g signet -m 0700 /var/lib/signet
USER signet
WORKDIR /var/lib/signet

FROM base AS orders-axum
COPY --from=build /out/orders-axum /usr/local/bin/
ENV LISTEN=0.0.0.0:9001
EXPOSE 9001
ENTRYPOINT ["orders-axum"]

FROM base AS signet
COPY --from=build /out/signet /usr/local/bin/
ENV SIGNET_LISTEN=0.0.0.0:8080
VOLUME /var/lib/signet
EXPOSE 8080
ENTRYPOINT ["signet"]
CMD ["serve"]
