import Evaluation

let inlineCredentialExamples: [Example] = [
    .good(
        "read from a Secret",
        """
        containers:
        - name: app
          env:
          - {name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: web, key: DB_PASSWORD}}}
          - {name: DB_HOST, value: db.internal}
          envFrom: [{secretRef: {name: web}}]
        """),
    .good(
        "about a secret, and none",
        """
        containers:
        - name: app
          env:
          - {name: TOKEN_TTL_SECONDS, value: "3600"}
          - {name: PASSWORD_MIN_LENGTH, value: "12"}
          - {name: DB_PASSWORD_FILE, value: /run/secrets/db}
          - {name: SECRET_NAME, value: web}
          - {name: OAUTH_TOKEN_URL, value: "https://auth.example.com/token"}
          - {name: API_TOKEN, value: ""}
        """),
    .good(
        "in which Secret a password is, and under which key",
        """
        containers:
        - name: app
          env:
          - {name: DB_PASSWORD_SECRET, value: orders-db}
          - {name: DB_PASSWORD_SECRET_KEY, value: password}
        """),
    .good(
        "put together from what a Secret holds",
        """
        containers:
        - name: app
          env:
          - {name: PROXY_PASSWORD, valueFrom: {secretKeyRef: {name: web, key: PROXY_PASSWORD}}}
          - {name: PROXY_URL, value: "http://web:$(PROXY_PASSWORD)@proxy.internal:3128"}
          args: ["--password=$(PROXY_PASSWORD)", --token-file, /run/token]
        """),
    .bad(
        "a password by its name", CredentialClause.variable, at: "containers[app].env[DB_PASSWORD].value",
        "containers: [{name: app, env: [{name: DB_PASSWORD, value: hunter2}]}]"),
    .bad(
        "a token by its form", CredentialClause.variable, at: "containers[app].env[PUSH].value",
        "containers: [{name: app, env: [{name: PUSH, value: glpat-exampleexample12345678}]}]"),
    .bad(
        "a password in a URI", CredentialClause.variable, at: "containers[app].env[BROKER].value",
        "containers: [{name: app, env: [{name: BROKER, value: 'amqp://shop:hunter2@rabbit:5672'}]}]"),
    .bad(
        "a private key", CredentialClause.variable, at: "containers[app].env[TLS].value",
        """
        containers:
        - name: app
          env:
          - name: TLS
            value: |
              -----BEGIN PRIVATE KEY-----
              MIIEvQIBADANBgkqhkiG9w0BAQEFAASC
              -----END PRIVATE KEY-----
        """),
    .bad(
        "an access key of AWS", CredentialClause.variable, at: "containers[app].env[KEY].value",
        "containers: [{name: app, env: [{name: KEY, value: AKIAIOSFODNN7EXAMPLE}]}]"),
    .bad(
        "an argument", CredentialClause.argument, at: "containers[app].args[0]",
        "containers: [{name: app, args: [--password=hunter2]}]"),
    .bad(
        "the argument after its flag", CredentialClause.argument, at: "containers[app].command[2]",
        "containers: [{name: app, command: [/app/web, --auth-token, hunter2]}]"),
    .bad(
        "in a script", CredentialClause.argument, at: "containers[app].command[2]",
        "containers: [{name: app, command: [sh, -c, 'export DB_PASSWORD=hunter2; exec /app/web']}]"),
    .bad(
        "a login of curl", CredentialClause.argument, at: "containers[app].command[2]",
        "containers: [{name: app, command: [sh, -c, 'curl -u admin:hunter2 https://x; exec /app/web']}]"),
    .bad(
        "a login of curl, in words", CredentialClause.argument, at: "containers[app].args[2]",
        "containers: [{name: app, args: [curl, --user, 'admin:hunter2', 'https://x']}]"),
    .bad(
        "a password of Redis", CredentialClause.argument, at: "containers[app].args[1]",
        "containers: [{name: app, command: [redis-cli], args: [-a, hunter2, monitor]}]"),
    .bad(
        "a password of MySQL", CredentialClause.argument, at: "containers[app].command[3]",
        "containers: [{name: app, command: [mysqldump, -h, db, -phunter2, shop]}]"),
    .bad(
        "a password of sshpass", CredentialClause.argument, at: "containers[app].command[2]",
        "containers: [{name: app, command: [sshpass, -p, hunter2, ssh, ops@host]}]"),
    .bad(
        "a variable for one command", CredentialClause.argument, at: "containers[app].command[2]",
        "containers: [{name: app, command: [bash, -c, 'PGPASSWORD=hunter2 psql -h db']}]"),
    .bad(
        "a header of a probe", CredentialClause.handler,
        at: "containers[app].livenessProbe.httpGet.httpHeaders[X-Api-Key].value",
        "containers: [{name: app, livenessProbe: {httpGet: {httpHeaders: [{name: X-Api-Key, value: hunter2hunter2}]}}}]"
    ),
    .bad(
        "the command of a probe", CredentialClause.handler, at: "containers[app].livenessProbe.exec.command[2]",
        "containers: [{name: app, livenessProbe: {httpGet: null, exec: {command: [redis-cli, -a, hunter2, ping]}}}]"),
    .bad(
        "the command of a lifecycle handler", CredentialClause.handler,
        at: "containers[app].lifecycle.preStop.exec.command[2]",
        "containers: [{name: app, lifecycle: {preStop: {exec: {command: [sh, -c, 'curl --user admin:hunter2 https://x/stop']}}}}]"
    ),
    .bad(
        "a header of a lifecycle handler", CredentialClause.handler,
        at: "containers[app].lifecycle.postStart.httpGet.httpHeaders[Authorization].value",
        "containers: [{name: app, lifecycle: {postStart: {httpGet: {port: 80, httpHeaders: [{name: Authorization, value: 'Basic YWRtaW46aHVudGVyMg=='}]}}}}]"
    ),
    .good(
        "commands of probes that read variables",
        """
        containers:
        - name: app
          livenessProbe: {httpGet: null, exec: {command: [sh, -c, 'redis-cli -a "$REDIS_PASSWORD" ping']}}
          readinessProbe: {httpGet: {path: /readyz, httpHeaders: [{name: X-Probe, value: kubelet}]}}
          lifecycle: {preStop: {exec: {command: [sh, -c, 'curl -u "$LOGIN" https://x; sleep 5']}}}
        """),
    .bad(
        "an init container", CredentialClause.variable, at: "initContainers[migrate].env[DB_PASSWORD].value",
        "initContainers: [{name: migrate, env: [{name: DB_PASSWORD, value: hunter2}]}]"),
    .bad(
        "a sidecar", CredentialClause.argument, at: "initContainers[proxy].args[1]",
        "initContainers: [{name: proxy, restartPolicy: Always, args: [--api-key, hunter2]}]"),
    .bad(
        "an ephemeral container", CredentialClause.variable, at: "ephemeralContainers[debugger].env[PGPASSWORD].value",
        "ephemeralContainers: [{name: debugger, env: [{name: PGPASSWORD, value: hunter2}]}]",
        request: .debug),
    .bad(
        "another password than before", CredentialClause.variable, at: "containers[app].env[DB_PASSWORD].value",
        "containers: [{name: app, env: [{name: DB_PASSWORD, value: hunter3}]}]",
        before: "containers: [{name: app, env: [{name: DB_PASSWORD, value: hunter2}]}]"),
    .bad(
        "an annotation", CredentialClause.annotation, at: "metadata.annotations[shop.example/api-key]",
        "metadata: {annotations: {shop.example/api-key: hunter2hunter2}}"),
    .bad(
        "an annotation of the template", CredentialClause.annotation,
        at: "spec.template.metadata.annotations.broker",
        "spec: {template: {metadata: {annotations: {broker: 'amqp://shop:hunter2@rabbit:5672'}}}}"),
    .good(
        "check sums of Secrets, and what was applied last",
        """
        metadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"data":{"DB_PASSWORD":"hunter2"}}'}}
        spec: {template: {metadata: {annotations: {checksum/secret: 5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456}}}}
        """),
    .good(
        "a ConfigMap that says where secrets are",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data:
          SECRET_NAME: web
          application.yaml: |
            spring: {datasource: {username: shop, password: "${DB_PASSWORD}"}}
          ca.crt: |
            -----BEGIN CERTIFICATE-----
            MIIDdzCCAl+gAwIBAgIE
            -----END CERTIFICATE-----
        """),
    .bad(
        "an entry of a ConfigMap", CredentialClause.entry, at: "data.DB_PASSWORD",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data: {DB_PASSWORD: hunter2, DB_HOST: db.internal}
        """),
    .bad(
        "a line of a file in a ConfigMap", CredentialClause.entry, at: "data[application.properties]",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data:
          application.properties: |
            db.user=shop
            db.password=hunter2
        """),
    .bad(
        "a ConfigMap in base64", CredentialClause.entry, at: "binaryData.DB_PASSWORD",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        binaryData: {DB_PASSWORD: aHVudGVyMg==}
        """),
    .good(
        "a Secret may hold it",
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: web, namespace: shop}
        stringData: {DB_PASSWORD: hunter2}
        """, request: .by("system:serviceaccount:external-secrets:external-secrets")),
]
