# The program in an image: `bot serve`, `bot work` and every other command, by `docker run IMAGE work`.
#
# NOT RUN where it was written: there is no Docker there. The wheel that it builds is built, installed and run by CI; that the
# commands, files and ports named here exist is tested (tests/test_compose.py). Say so in an issue if a step fails for you.

FROM python:3.11-slim AS build
RUN pip install --no-cache-dir 'uv>=0.8'
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
WORKDIR /src
# Libraries first: they change less often than the program.
COPY pyproject.toml README.md LICENSE ./
RUN uv venv /opt/bot && uv pip install --python /opt/bot/bin/python -r pyproject.toml
COPY bot ./bot
COPY knowledge ./knowledge
COPY prompts ./prompts
RUN uv pip install --python /opt/bot/bin/python --no-deps .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/bot bot
COPY --from=build /opt/bot /opt/bot
ENV PATH=/opt/bot/bin:$PATH PYTHONUNBUFFERED=1 BOT_HOST=0.0.0.0 BOT_PORT=8080 BOT_DATA_DIR=/var/lib/bot/data
USER bot
WORKDIR /var/lib/bot
RUN mkdir -p data media
VOLUME /var/lib/bot/data
EXPOSE 8080
# Is the process there? Whether it should get requests is for the proxy to ask (/readyz). `bot work` has it where BOT_METRICS_PORT says.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['BOT_PORT'] + '/healthz', timeout=2)"]
# A stopping worker lets begun work finish for 10 s (docs/sizing.md): stop with at least 20 s of grace.
STOPSIGNAL SIGTERM
ENTRYPOINT ["bot"]
CMD ["serve"]
