import Evaluation

let databaseExamples: [Example] = [
    .good(
        "separate host, port, name, user and password",
        """
        containers:
        - name: app
          env:
          - {name: DB_HOST, value: db.internal}
          - {name: DB_PORT, value: "5432"}
          - {name: DB_NAME, value: catalogue}
          - {name: DB_USER, valueFrom: {secretKeyRef: {name: web, key: DB_USER}}}
          - {name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: web, key: DB_PASSWORD}}}
        """),
    .good(
        "a connection string built from separate settings",
        """
        containers:
        - name: app
          env:
          - {name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: web, key: DB_PASSWORD}}}
          - {name: DATABASE_URL, value: "postgres://$(DB_USER):$(DB_PASSWORD)@$(DB_HOST):5432/catalogue"}
        """),
    .good(
        "addresses that are not database connections",
        """
        containers:
        - name: app
          env:
          - {name: SENTRY_DSN, value: "https://0a1b2c3d@sentry.example.com/7"}
          - {name: SENTRY_BACKEND_DSN, valueFrom: {secretKeyRef: {name: web, key: sentry}}}
          - {name: REDIS_URL, value: "redis://redis:6379/0"}
          - {name: MONGO_EXPRESS_URL, value: "https://mongo-express.example.com"}
          - {name: DB_URL_PREFIX, value: shop}
          - {name: CALLBACK_URL, value: "https://shop.example.com/callback"}
          - {name: DATABASE_URL, value: ""}
        """),
    .bad(
        "a variable named DATABASE_URL, read from a Secret", DatabaseClause.name,
        at: "containers[app].env[DATABASE_URL]",
        "containers: [{name: app, env: [{name: DATABASE_URL, valueFrom: {secretKeyRef: {name: web, key: url}}}]}]"),
    .bad(
        "a connection string without a password", DatabaseClause.name, at: "containers[app].env[ORDERS_DB_URI]",
        "containers: [{name: app, env: [{name: ORDERS_DB_URI, value: 'postgres://db.internal:5432/orders'}]}]"),
    .bad(
        "a DSN", DatabaseClause.name, at: "containers[app].env[MYSQL_DSN]",
        "containers: [{name: app, env: [{name: MYSQL_DSN, value: 'host=db.internal user=shop dbname=shop'}]}]"),
    .bad(
        "a connection string in a variable with another name", DatabaseClause.value, at: "containers[app].env[BACKEND]",
        "containers: [{name: app, env: [{name: BACKEND, value: 'mongodb+srv://shop@cluster0.example.net/shop'}]}]"),
    .bad(
        "a JDBC URL", DatabaseClause.value, at: "containers[app].env[SPRING_STORE]",
        "containers: [{name: app, env: [{name: SPRING_STORE, value: 'jdbc:postgresql://db.internal:5432/shop'}]}]"),
    .bad(
        "an init container", DatabaseClause.name, at: "initContainers[migrate].env[DATABASE_URL]",
        """
        initContainers:
        - {name: migrate, env: [{name: DATABASE_URL, valueFrom: {configMapKeyRef: {name: web, key: url}}}]}
        """),
    .bad(
        "a sidecar", DatabaseClause.value, at: "initContainers[exporter].env[DATA_SOURCE]",
        """
        initContainers:
        - name: exporter
          restartPolicy: Always
          env: [{name: DATA_SOURCE, value: "postgresql://exporter@db.internal/shop"}]
        """),
    .bad(
        "an ephemeral container", DatabaseClause.name, at: "ephemeralContainers[debugger].env[DB_URL]",
        "ephemeralContainers: [{name: debugger, env: [{name: DB_URL, value: 'mysql://db/shop'}]}]",
        request: .debug),
    .bad(
        "a changed connection string", DatabaseClause.name, at: "containers[app].env[DATABASE_URL]",
        "containers: [{name: app, env: [{name: DATABASE_URL, value: 'postgres://db-2/shop'}]}]",
        before: "containers: [{name: app, env: [{name: DATABASE_URL, value: 'postgres://db-1/shop'}]}]"),
    .bad(
        "a ConfigMap key named DATABASE_URL", DatabaseClause.entry, at: "data.DATABASE_URL",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data: {DATABASE_URL: "postgres://db.internal:5432/shop", LOG_LEVEL: info}
        """),
    .bad(
        "a connection string in a ConfigMap key with another name", DatabaseClause.entry, at: "data.store",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data: {store: "mysql://shop@db.internal/shop"}
        """),
    .good(
        "a ConfigMap with separate settings",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data: {DB_HOST: db.internal, DB_PORT: "5432", DB_NAME: shop, HOME_URL: "https://shop.example.com"}
        """),
    .bad(
        "a .NET connection string", DatabaseClause.name, at: "containers[app].env[ConnectionStrings__Orders]",
        "containers: [{name: app, env: [{name: ConnectionStrings__Orders, value: 'Server=db;Database=orders'}]}]"),
    .good(
        ".NET connection strings that are not database connections",
        """
        containers:
        - name: app
          env:
          - {name: ConnectionStrings__Cache, value: "redis:6379"}
          - {name: ConnectionStrings__Queue, value: "Endpoint=sb://shop.example.com/"}
        """),
    .bad(
        "a line of a properties file in a ConfigMap", DatabaseClause.entry, at: "data[application.properties]",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data:
          application.properties: |
            server.port=8080
            spring.datasource.url=jdbc:postgresql://db.internal:5432/orders
        """),
    .bad(
        "a member of a JSON file in a ConfigMap", DatabaseClause.entry, at: "data[appsettings.json]",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data:
          appsettings.json: |
            {"ConnectionStrings": {
              "Orders": "Server=db.internal;Database=orders"
            }}
        """),
    .bad(
        "the only line of a settings file in a ConfigMap", DatabaseClause.entry, at: "data[.env]",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data: {.env: 'DATABASE_URL=postgres://shop:pw@db.internal/shop'}
        """),
    .bad(
        "the only line of a properties file in a ConfigMap", DatabaseClause.entry, at: "data[app.properties]",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data: {app.properties: 'spring.datasource.url=jdbc:mysql://db.internal/shop'}
        """),
    .bad(
        "the only line of a YAML file in a ConfigMap", DatabaseClause.entry, at: "data[app.yaml]",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data: {app.yaml: 'url: postgres://shop@db.internal/shop'}
        """),
    .bad(
        "an exported variable in a ConfigMap", DatabaseClause.entry, at: "data[app.env]",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data: {app.env: "PORT=8080\\nexport STORE=postgres://shop@db.internal/shop\\n"}
        """),
    .bad(
        "a line that is named like a connection string in a ConfigMap", DatabaseClause.entry, at: "data.config",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data: {config: "PORT=8080\\nDATABASE_URL=postgres://db.internal/shop\\n"}
        """),
    .bad(
        "a line that is named like a DSN in a ConfigMap", DatabaseClause.entry, at: "data[app.ini]",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data: {app.ini: "[store]\\nmysql_dsn = host=db.internal dbname=shop\\n"}
        """),
    .good(
        "a script that reads a connection string",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data: {migrate.py: "import os\\ndatabase_url = 'postgres://' + os.environ['DB_HOST']\\n", run: "#!/bin/sh\\nDATABASE_URL=$(cat /run/url) exec web\\n"}
        """),
    .good(
        "a settings file without connection strings",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data:
          application.yaml: |
            api: https://shop.example.com/api
            db: {host: db.internal, port: 5432}
            url: postgres://${DB_USER}:${DB_PASSWORD}@${DB_HOST}/orders
            style: "color: red; background: blue"
        """),
]
