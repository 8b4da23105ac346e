# The local server in a container. It refuses to start without a token of yours:
#   docker build --tag qiskit-rest-primitives .
#   docker run --env QISKIT_REST_PRIMITIVES_TOKEN --publish 127.0.0.1:8080:8080 --volume jobs:/data qiskit-rest-primitives
FROM python:3.12-slim

COPY pyproject.toml README.md LICENSE /src/
COPY qiskit_rest_primitives /src/qiskit_rest_primitives
RUN pip install --no-cache-dir "/src[server]" && rm -r /src

RUN useradd --uid 1000 --create-home server && install --directory --owner=server /data
USER 1000
WORKDIR /data
VOLUME /data

# All addresses of the container; which of them others reach, and how, is what --publish says: keep it to 127.0.0.1, or put
# TLS before it (docs/server.md). Running jobs have less time to finish than `docker stop` gives, which are ten seconds.
EXPOSE 8080
ENTRYPOINT ["python", "-m", "qiskit_rest_primitives.server", "--host", "0.0.0.0", "--port", "8080", "--allow-public", "--database", "/data/jobs.sqlite", "--grace", "8"]
HEALTHCHECK --start-period=60s --interval=30s --timeout=10s CMD ["python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8080, timeout=5); c.request('GET', '/health'); raise SystemExit(c.getresponse().status != 200)"]
