import Evaluation

/// Returns text for a token; tokens are not literals here, so that secret scanners do not report them.
private func made(_ count: Int) -> String { String(String(repeating: "Zx9Q", count: count / 4 + 1).prefix(count)) }

let inlineCredentialExamples: [Example] = [
    .good(
        "a variable from a Secret",
        """
        containers:
        - name: app
          env:
          - {name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: web, key: DB_PASSWORD}}}
          - {name: DB_HOST, value: db.internal}
          envFrom: [{secretRef: {name: web}}]
        """),
    .good(
        "variables about secrets that are not secrets",
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
          - {name: CHECK, value: "https://login.example.com/info?access_token= name realm=/staff"}
          - {name: OPTIONS, value: "access_token= name realm=/staff"}
        """),
    .good(
        "flags with the name of a key",
        """
        containers:
        - name: app
          args: [--secretKey, password, --secret-key=db-password, --path=/x --secretKey rootPassword]
          readinessProbe: {httpGet: null, exec: {command: [/app/ready, --secret-key, password]}}
        """),
    .bad(
        "a flag with a secret key", CredentialClause.argument, at: "containers[app].args[1]",
        "containers: [{name: app, args: [--secret-key, hunter2hunter]}]"),
    .bad(
        "a value after a blank", CredentialClause.entry, at: "data[app.properties]",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: app, namespace: shop}
        data: {app.properties: "host= db.internal\npassword= hunter2hunter\n"}
        """),
    .good(
        "the name and the key of a Secret",
        """
        containers:
        - name: app
          env:
          - {name: DB_PASSWORD_SECRET, value: orders-db}
          - {name: DB_PASSWORD_SECRET_KEY, value: password}
        """),
    .good(
        "code that encodes a value",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: hooks, namespace: shop}
        data:
          sync.py: |
            headers = {
              "accesskey": base64.b64encode(name),
              "secretkey": secrets.token_hex(16),
              "password": os.environ.get("DB_PASSWORD")}
        """),
    .bad(
        "code with a secret as the argument of a call", CredentialClause.entry, at: "data[sync.py]",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: hooks, namespace: shop}
        data: {sync.py: "secretkey = base64.b64decode('Zx9kLmP2QqTz77wR4abc')"}
        """),
    .good(
        "values composed from variables that come from a Secret",
        """
        containers:
        - name: app
          env:
          - {name: PROXY_PASSWORD, valueFrom: {secretKeyRef: {name: web, key: PROXY_PASSWORD}}}
          - {name: PROXY_URL, value: "http://web:$(PROXY_PASSWORD)@proxy.internal:3128"}
          args: ["--password=$(PROXY_PASSWORD)", --token-file, /run/token]
        """),
    .bad(
        "a variable named like a password", CredentialClause.variable, at: "containers[app].env[DB_PASSWORD].value",
        "containers: [{name: app, env: [{name: DB_PASSWORD, value: hunter2}]}]"),
    .bad(
        "a variable with a token", CredentialClause.variable, at: "containers[app].env[PUSH].value",
        "containers: [{name: app, env: [{name: PUSH, value: glpat-exampleexample12345678}]}]"),
    .bad(
        "a password in a URI", CredentialClause.variable, at: "containers[app].env[BROKER].value",
        "containers: [{name: app, env: [{name: BROKER, value: 'amqp://shop:hunter2@rabbit:5672'}]}]"),
    .bad(
        "a login without a scheme", CredentialClause.variable, at: "containers[app].env[BROKER].value",
        "containers: [{name: app, env: [{name: BROKER, value: 'shop:guest@rabbit:5672/shop'}]}]"),
    .bad(
        "a login without a scheme in an argument", CredentialClause.argument, at: "containers[app].args[0]",
        "containers: [{name: app, args: ['--db=shop:hunter2@10.0.0.5:5432/shop']}]"),
    .good(
        "texts that look like logins",
        """
        containers:
        - name: app
          env:
          - {name: REPOSITORY, value: 'git@github.com:shop/web.git'}
          - {name: IMAGE, value: 'web:1.27-alpine3.20@sha256:4c0fdaa8b6341bfdeca5f18f7837462c80cff90527ee35ef185571e1c327beac'}
          - {name: MAIL, value: 'shop@example.com, mailto:team24@example.com'}
          - {name: DATABASE, value: '$(DB_USER):$(DB_PASSWORD)@db.internal:5432'}
          - {name: TEMPLATE, value: '{{ user }}:{{ password }}@db.internal:5432'}
          - {name: USAGE, value: 'USER:PASSWORD@HOST:PORT or user:<password>@host:5432'}
          - {name: NODES, value: '10.0.0.1:6379@16379,10.0.0.2:6379@16379'}
          - {name: PACKAGES, value: 'npm:react@18.2.0 alias:@shop/web@1.2.3 model:gpt4o@latest chart:v1.2.3@charts.example.com'}
          - {name: CONTACT, value: 'owner:alice@example.com'}
          - {name: LABEL, value: 'shop:alice1@cache.shop.svc'}
          - {name: MEMBER, value: 'user:alice2024@example.com'}
          - {name: VOTERS, value: '1@kafka-0:9093,2@kafka-1:9093,3@kafka-2:9093'}
          - {name: CLUSTER, value: 'rabbit@rabbit-0:25672,rabbit@rabbit-1:25672'}
          - {name: PEERS, value: 'node1:30303,node2@10.0.0.2:30303'}
          args: ['sip:alice@phones.example.com:5060', '--tunnel=8080:web:80']
        """),
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
        "an AWS access key", CredentialClause.variable, at: "containers[app].env[KEY].value",
        "containers: [{name: app, env: [{name: KEY, value: AKIAIOSFODNN7EXAMPLE}]}]"),
    .bad(
        "an argument with a password", CredentialClause.argument, at: "containers[app].args[0]",
        "containers: [{name: app, args: [--password=hunter2]}]"),
    .bad(
        "an argument after its flag", CredentialClause.argument, at: "containers[app].command[2]",
        "containers: [{name: app, command: [/app/web, --auth-token, hunter2]}]"),
    .bad(
        "a password in a script", CredentialClause.argument, at: "containers[app].command[2]",
        "containers: [{name: app, command: [sh, -c, 'export DB_PASSWORD=hunter2; exec /app/web']}]"),
    .bad(
        "a curl login in a script", CredentialClause.argument, at: "containers[app].command[2]",
        "containers: [{name: app, command: [sh, -c, 'curl -u admin:hunter2 https://x; exec /app/web']}]"),
    .bad(
        "a curl login in arguments", CredentialClause.argument, at: "containers[app].args[2]",
        "containers: [{name: app, args: [curl, --user, 'admin:hunter2', 'https://x']}]"),
    .bad(
        "a redis-cli password", CredentialClause.argument, at: "containers[app].args[1]",
        "containers: [{name: app, command: [redis-cli], args: [-a, hunter2, monitor]}]"),
    .bad(
        "a mysqldump password", CredentialClause.argument, at: "containers[app].command[3]",
        "containers: [{name: app, command: [mysqldump, -h, db, -phunter2, shop]}]"),
    .bad(
        "an sshpass password", CredentialClause.argument, at: "containers[app].command[2]",
        "containers: [{name: app, command: [sshpass, -p, hunter2, ssh, ops@host]}]"),
    .bad(
        "a variable for one command", CredentialClause.argument, at: "containers[app].command[2]",
        "containers: [{name: app, command: [bash, -c, 'PGPASSWORD=hunter2 psql -h db']}]"),
    .bad(
        "an HTTP header of a probe", CredentialClause.handler,
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
        "an HTTP header of a lifecycle handler", CredentialClause.handler,
        at: "containers[app].lifecycle.postStart.httpGet.httpHeaders[Authorization].value",
        "containers: [{name: app, lifecycle: {postStart: {httpGet: {port: 80, httpHeaders: [{name: Authorization, value: 'Basic YWRtaW46aHVudGVyMg=='}]}}}}]"
    ),
    .good(
        "probe commands that read variables",
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
        "a sidecar container", CredentialClause.argument, at: "initContainers[proxy].args[1]",
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
        "an annotation of the pod template", CredentialClause.annotation,
        at: "spec.template.metadata.annotations.broker",
        "spec: {template: {metadata: {annotations: {broker: 'amqp://shop:hunter2@rabbit:5672'}}}}"),
    .good(
        "checksums of Secrets and the last applied configuration",
        """
        metadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"data":{"DB_PASSWORD":"hunter2"}}'}}
        spec: {template: {metadata: {annotations: {checksum/secret: 5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456}}}}
        """),
    .good(
        "a ConfigMap that refers to secrets",
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
        "binary data of a ConfigMap", CredentialClause.entry, at: "binaryData.DB_PASSWORD",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        binaryData: {DB_PASSWORD: aHVudGVyMg==}
        """),
    .good(
        "a password in a Secret",
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: web, namespace: shop}
        stringData: {DB_PASSWORD: hunter2}
        """, request: .by("system:serviceaccount:external-secrets:external-secrets")),
    .bad(
        "a value that a password variable refers to", CredentialClause.variable, at: "containers[app].env[X].value",
        """
        containers:
        - name: app
          env: [{name: X, value: hunter2}, {name: DB_PASSWORD, value: $(X)}]
        """),
    .bad(
        "a value that a URI refers to as its password", CredentialClause.variable, at: "containers[app].env[X].value",
        """
        containers:
        - name: app
          env:
          - {name: X, value: hunter2}
          - {name: Z, value: $(X)}
          - {name: BROKER, value: 'amqp://shop:$(Z)@rabbit:5672'}
        """),
    .bad(
        "a value that a password argument refers to", CredentialClause.variable, at: "containers[app].env[X].value",
        "containers: [{name: app, env: [{name: X, value: hunter2}], args: [--password, $(X)]}]"),
    .good(
        "references to variables that are not secrets",
        """
        containers:
        - name: app
          env:
          - {name: DB_HOST, value: db.internal}
          - {name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: web, key: DB_PASSWORD}}}
          - {name: TOKEN_URL, value: "https://$(DB_HOST)/token"}
          args: ["--dsn=host=$(DB_HOST) password=$(DB_PASSWORD)", "$$(DB_HOST)"]
        """),
    .good("a directive of a kustomize patch", "containers: [{name: app, env: [{$patch: replace}]}]"),
    .bad(
        "a token in a variable named like a file", CredentialClause.variable,
        at: "containers[app].env[TOKEN_FILE].value",
        "containers: [{name: app, env: [{name: TOKEN_FILE, value: glpat-exampleexample12345678}]}]"),
    .bad(
        "an npm token", CredentialClause.variable, at: "containers[app].env[PUBLISH].value",
        "containers: [{name: app, env: [{name: PUBLISH, value: npm_\(made(36))}]}]"),
    .bad(
        "a Terraform Cloud token", CredentialClause.variable, at: "containers[app].env[RUN].value",
        "containers: [{name: app, env: [{name: RUN, value: \(made(14)).atlasv1.\(made(64))}]}]"
    ),
    .bad(
        "a Telegram bot token", CredentialClause.variable, at: "containers[app].env[NOTIFY].value",
        "containers: [{name: app, env: [{name: NOTIFY, value: 'https://api.telegram.org/bot123456789:A\(made(34))/getMe'}]}]"
    ),
    .bad(
        "an API key of a language model", CredentialClause.variable, at: "containers[app].env[LLM].value",
        "containers: [{name: app, env: [{name: LLM, value: sk-\(made(32))}]}]"),
    .bad(
        "a Teams webhook URL", CredentialClause.variable, at: "containers[app].env[NOTIFY].value",
        "containers: [{name: app, env: [{name: NOTIFY, value: 'https://example.webhook.office.com/webhookb2/11111111-2222-3333-4444-555555555555@11111111-2222-3333-4444-555555555555/IncomingWebhook/\(made(16))/11111111-2222-3333-4444-555555555555'}]}]"
    ),
    .bad(
        "a Teams workflow URL", CredentialClause.variable, at: "containers[app].env[NOTIFY].value",
        "containers: [{name: app, env: [{name: NOTIFY, value: 'https://prod-1.westeurope.logic.azure.com:443/workflows/0123/triggers/manual/paths/invoke?api-version=2016-06-01&sig=\(made(27))'}]}]"
    ),
    .bad(
        "a chart parameter", CredentialClause.chart, at: "spec.source.helm.parameters[db.password].value",
        application("parameters: [{name: replicas, value: '3'}, {name: db.password, value: hunter2}]")),
    .bad(
        "chart values", CredentialClause.chart, at: "spec.source.helm.values",
        application("values: '{auth: {password: hunter2}}'")),
    .bad(
        "chart values as an object", CredentialClause.chart,
        at: "spec.source.helm.valuesObject.env[API_TOKEN].value",
        application("valuesObject: {env: [{name: API_TOKEN, value: hunter2hunter2}]}")),
    .good(
        "chart values that name a Secret",
        application(
            "valuesObject: {auth: {existingSecret: web, secretKeys: {adminPasswordKey: password}, tlsSecret: web-tls}}")
    ),
    .bad(
        "values of a Flux HelmRelease", CredentialClause.chart, at: "spec.values.auth.password",
        release("values: {auth: {password: hunter2}, replicaCount: 3}")),
    .good(
        "HelmRelease values from a Secret",
        release("values: {auth: {username: shop}}\n  valuesFrom: [{kind: Secret, name: web, valuesKey: values.yaml}]")),
    .bad(
        "a SecretStore that contains secrets", CredentialClause.store,
        at: "spec.provider.fake.data[/shop/db].value", store("fake: {data: [{key: /shop/db, value: hunter2}]}")),
    .bad(
        "a token in a header of a SecretStore", CredentialClause.store,
        at: "spec.provider.webhook.headers.Authorization",
        store(
            "webhook: {url: 'https://secrets.example.com/{{ .remoteRef.key }}', headers: {Authorization: 'Basic YWRtaW46aHVudGVyMg=='}}"
        )),
    .good(
        "a SecretStore for AWS",
        store("aws: {service: SecretsManager, region: eu-west-1, auth: {jwt: {serviceAccountRef: {name: shop}}}}")),
]

private func application(_ helm: String) -> String {
    """
    apiVersion: argoproj.io/v1alpha1
    kind: Application
    metadata: {name: web, namespace: argocd}
    spec:
      project: shop
      destination: {server: https://kubernetes.default.svc, namespace: shop}
      source: {repoURL: https://charts.example.com, chart: web, targetRevision: 1.4.2, helm: {\(helm)}}
    """
}

private func release(_ spec: String) -> String {
    """
    apiVersion: helm.toolkit.fluxcd.io/v2
    kind: HelmRelease
    metadata: {name: web, namespace: shop}
    spec:
      interval: 10m
      chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: charts}}}
      \(spec)
    """
}

private func store(_ provider: String) -> String {
    """
    apiVersion: external-secrets.io/v1
    kind: ClusterSecretStore
    metadata: {name: shop}
    spec: {provider: {\(provider)}}
    """
}
