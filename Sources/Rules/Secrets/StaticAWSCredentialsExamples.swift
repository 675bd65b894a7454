import Evaluation

private let keys = """
    apiVersion: v1
    kind: Secret
    metadata: {name: aws, namespace: shop}
    stringData: {ACCESS_KEY_ID: x, SECRET_ACCESS_KEY: y, AWS_ACCESS_KEY_ID: x}
    """

let staticAWSExamples: [Example] = [
    .good(
        "a role, by the ServiceAccount",
        """
        serviceAccountName: web
        containers: [{name: app, env: [{name: AWS_REGION, value: eu-west-1}, {name: AWS_ROLE_SESSION_NAME, value: web}]}]
        """),
    .good(
        "the names, and no keys",
        "containers: [{name: app, env: [{name: AWS_ACCESS_KEY_ID, value: ''}, {name: AWS_PROFILE, value: shop}]}]"),
    .bad(
        "the id of a key", AWSClause.variable, at: "containers[app].env[AWS_ACCESS_KEY_ID]",
        "containers: [{name: app, env: [{name: AWS_ACCESS_KEY_ID, value: AKIAIOSFODNN7EXAMPLE}]}]"),
    .bad(
        "the key from a Secret", AWSClause.variable, at: "containers[app].env[AWS_SECRET_ACCESS_KEY]",
        "containers: [{name: app, env: [{name: AWS_SECRET_ACCESS_KEY, valueFrom: {secretKeyRef: {name: aws, key: secret}}}]}]"
    ),
    .bad(
        "the id of a key under another name", AWSClause.variable, at: "containers[app].env[S3_USER]",
        "containers: [{name: app, env: [{name: S3_USER, valueFrom: {secretKeyRef: {name: s3, key: AWS_ACCESS_KEY_ID}}}]}]"
    ),
    .bad(
        "the key under another name", AWSClause.variable, at: "containers[app].env[S3_PASSWORD]",
        "containers: [{name: app, env: [{name: S3_PASSWORD, valueFrom: {configMapKeyRef: {name: s3, key: AWS_SECRET_ACCESS_KEY}}}]}]"
    ),
    .good(
        "another key of a Secret",
        "containers: [{name: app, env: [{name: S3_USER, valueFrom: {secretKeyRef: {name: s3, key: AWS_REGION}}}]}]"),
    .bad(
        "a file of credentials elsewhere", AWSClause.variable, at: "containers[app].env[AWS_SHARED_CREDENTIALS_FILE]",
        "containers: [{name: app, env: [{name: AWS_SHARED_CREDENTIALS_FILE, value: /etc/aws/keys}]}]"),
    .bad(
        "an init container", AWSClause.variable, at: "initContainers[fetch].env[AWS_SECRET_ACCESS_KEY]",
        """
        initContainers:
        - {name: fetch, env: [{name: AWS_SECRET_ACCESS_KEY, valueFrom: {configMapKeyRef: {name: aws, key: secret}}}]}
        """),
    .bad(
        "a sidecar", AWSClause.file, at: "initContainers[proxy].volumeMounts[aws]",
        """
        initContainers:
        - name: proxy
          restartPolicy: Always
          volumeMounts: [{name: aws, mountPath: /root/.aws/credentials, subPath: credentials}]
        volumes: [{name: aws, secret: {secretName: aws}}]
        """),
    .bad(
        "an ephemeral container", AWSClause.variable, at: "ephemeralContainers[debugger].env[AWS_ACCESS_KEY_ID]",
        """
        ephemeralContainers:
        - {name: debugger, env: [{name: AWS_ACCESS_KEY_ID, valueFrom: {secretKeyRef: {name: aws, key: id}}}]}
        """, request: .debug),
    .bad(
        "another Secret than before", AWSClause.variable, at: "containers[app].env[AWS_ACCESS_KEY_ID]",
        "containers: [{name: app, env: [{name: AWS_ACCESS_KEY_ID, valueFrom: {secretKeyRef: {name: new, key: id}}}]}]",
        before:
            "containers: [{name: app, env: [{name: AWS_ACCESS_KEY_ID, valueFrom: {secretKeyRef: {name: old, key: id}}}]}]"
    ),
    .bad(
        "a Secret with keys as variables", AWSClause.source, at: "containers[app].envFrom[0]",
        "containers: [{name: app, envFrom: [{secretRef: {name: aws}}]}]", relatedObjects: keys),
    .bad(
        "a Secret whose keys become the variables by a prefix", AWSClause.source, at: "containers[app].envFrom[0]",
        "containers: [{name: app, envFrom: [{prefix: AWS_, secretRef: {name: aws}}]}]", relatedObjects: keys),
    .good(
        "a Secret without keys as variables",
        "containers: [{name: app, envFrom: [{secretRef: {name: web}}, {secretRef: {name: absent}}]}]",
        relatedObjects: """
            apiVersion: v1
            kind: Secret
            metadata: {name: web, namespace: shop}
            data: {DB_PASSWORD: aHVudGVyMg==}
            """),
    .bad(
        "a directory of credentials", AWSClause.file, at: "containers[app].volumeMounts[aws]",
        """
        containers: [{name: app, volumeMounts: [{name: aws, mountPath: /home/app/.aws/}]}]
        volumes: [{name: aws, projected: {sources: [{secret: {name: aws}}]}}]
        """),
    .bad(
        "the id of a key in an argument", AWSClause.plainText, at: "containers[app].args[0]",
        "containers: [{name: app, args: [--key=AKIAIOSFODNN7EXAMPLE]}]"),
    .bad(
        "the id of a key in another variable", AWSClause.plainText, at: "containers[app].env[S3_USER].value",
        "containers: [{name: app, env: [{name: S3_USER, value: AKIAIOSFODNN7EXAMPLE}]}]"),
    .bad(
        "an annotation", AWSClause.plainText, at: "metadata.annotations.backup",
        "metadata: {annotations: {backup: 's3 as AKIAIOSFODNN7EXAMPLE'}}"),
    .bad(
        "a ConfigMap", AWSClause.plainText, at: "data.credentials",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: aws, namespace: shop}
        data:
          credentials: |
            [default]
            aws_access_key_id = AKIAIOSFODNN7EXAMPLE
        """),
    .bad(
        "a ConfigMap whose key becomes the variable", AWSClause.plainText, at: "data.AWS_SECRET_ACCESS_KEY",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: aws, namespace: shop}
        data: {AWS_SECRET_ACCESS_KEY: changed-later, AWS_REGION: eu-west-1}
        """),
    .good(
        "a ConfigMap with a role",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: aws, namespace: shop}
        data:
          config: |
            [profile shop]
            role_arn = arn:aws:iam::222222222222:role/shop
            web_identity_token_file = /var/run/secrets/eks.amazonaws.com/serviceaccount/token
        """),
    .bad(
        "a Secret with the id of a key", AWSClause.secret, at: "data.user",
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: backup, namespace: shop}
        data: {user: QUtJQUlPU0ZPRE5ON0VYQU1QTEU=}
        """),
    .bad(
        "a Secret with a key by its name", AWSClause.secret, at: "stringData.AWS_SECRET_ACCESS_KEY",
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: aws, namespace: shop}
        stringData: {AWS_SECRET_ACCESS_KEY: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY}
        """),
    .good(
        "a Secret with anything else",
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: web, namespace: shop}
        data: {DB_PASSWORD: aHVudGVyMg==, "tls.crt": bm90IGJhc2U2NCE}
        """, request: .by("system:serviceaccount:external-secrets:external-secrets")),
    .good(
        "a release of Helm's",
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: sh.helm.release.v1.web.v1, namespace: shop}
        type: helm.sh/release.v1
        data: {release: QUtJQUlPU0ZPRE5ON0VYQU1QTEU=}
        """),
    .bad(
        "an ExternalSecret that brings keys into variables", AWSClause.source, at: "containers[app].envFrom[0]",
        "containers: [{name: app, envFrom: [{secretRef: {name: aws}}]}]",
        relatedObjects: """
            apiVersion: external-secrets.io/v1
            kind: ExternalSecret
            metadata: {name: keys, namespace: shop}
            spec:
              secretStoreRef: {kind: ClusterSecretStore, name: aws-secrets-manager}
              target: {name: aws}
              data: [{secretKey: AWS_ACCESS_KEY_ID, remoteRef: {key: shop/aws, property: id}}]
            """),
    .good(
        "an ExternalSecret whose template leaves keys out",
        "containers: [{name: app, envFrom: [{secretRef: {name: web}}]}]",
        relatedObjects: """
            apiVersion: external-secrets.io/v1
            kind: ExternalSecret
            metadata: {name: web, namespace: shop}
            spec:
              secretStoreRef: {kind: ClusterSecretStore, name: aws-secrets-manager}
              target: {template: {data: {REGION: eu-west-1}}}
              data: [{secretKey: AWS_ACCESS_KEY_ID, remoteRef: {key: shop/aws, property: id}}]
            ---
            apiVersion: v1
            kind: Secret
            metadata: {name: web, namespace: shop}
            data: {REGION: eA==}
            """),
    .bad(
        "a file of credentials by an item", AWSClause.file, at: "containers[app].volumeMounts[aws]",
        """
        containers: [{name: app, volumeMounts: [{name: aws, mountPath: /home/app}]}]
        volumes: [{name: aws, secret: {secretName: aws, items: [{key: file, path: .aws/credentials}]}}]
        """),
    .bad(
        "a file of credentials by an item in the directory", AWSClause.file, at: "containers[app].volumeMounts[aws]",
        """
        containers: [{name: app, volumeMounts: [{name: aws, mountPath: /root/.aws}]}]
        volumes: [{name: aws, projected: {sources: [{configMap: {name: aws, items: [{key: file, path: credentials}]}}]}}]
        """),
    .bad(
        "a file of credentials by its part of a volume", AWSClause.file, at: "containers[app].volumeMounts[aws]",
        """
        containers: [{name: app, volumeMounts: [{name: aws, mountPath: /etc/aws/keys, subPath: .aws/credentials}]}]
        volumes: [{name: aws, secret: {secretName: aws}}]
        """),
    .good(
        "settings beside a role",
        """
        containers: [{name: app, volumeMounts: [{name: aws, mountPath: /root/.aws}]}]
        volumes: [{name: aws, secret: {secretName: aws, items: [{key: config, path: config}]}}]
        """),
    .good(
        "a user of SES by SMTP",
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: mail, namespace: shop}
        data: {SES_SMTP_USERNAME: QUtJQUlPU0ZPRE5ON0VYQU1QTEU=}
        """, request: .by("system:serviceaccount:external-secrets:external-secrets")),
    .good(
        "a user of SES by SMTP in a file",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: mail, namespace: shop}
        data:
          mail.properties: |
            smtp.user=AKIAIOSFODNN7EXAMPLE
        """),
    .bad(
        "a key beside a user of SES", AWSClause.plainText, at: "data[mail.properties]",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: mail, namespace: shop}
        data:
          mail.properties: |
            smtp.user=AKIAIOSFODNN7EXAMPLE
            s3.key=AKIAIOSFODNN8EXAMPLE
        """),
    .good(
        "a user of SES by SMTP in an address",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: mail, namespace: shop}
        data: {mail.json: '{"smtpUser": "AKIAIOSFODNN7EXAMPLE"}', RUN: 'swaks --smtp-user AKIAIOSFODNN7EXAMPLE'}
        """),
    .bad(
        "a key on the line of a mail server", AWSClause.plainText, at: "data[app.json]",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data: {app.json: '{"smtp_host": "mail.example.com", "id": "AKIAIOSFODNN7EXAMPLE"}'}
        """),
    .bad(
        "a key in a file that is called after SMTP", AWSClause.plainText, at: "data[smtp.env]",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: smtp, namespace: shop}
        data: {smtp.env: AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE}
        """),
    .bad(
        "a Secret of SMTP's name with a key", AWSClause.secret, at: "stringData.config",
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: web-smtp, namespace: shop}
        stringData: {config: s3.key=AKIAIOSFODNN7EXAMPLE}
        """, request: .by("system:serviceaccount:external-secrets:external-secrets")),
    .bad(
        "a Secret with a mail server before its keys", AWSClause.secret, at: "stringData[app.env]",
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: web, namespace: shop}
        stringData:
          app.env: |
            SMTP_HOST=mail.example.com
            AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE
        """, request: .by("system:serviceaccount:external-secrets:external-secrets")),
    .bad(
        "a secret key that is called after SMTP", AWSClause.secret, at: "stringData[app.env]",
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: mail, namespace: shop}
        stringData: {app.env: SMTP_AWS_SECRET_ACCESS_KEY=giauZ3JxzuiKOl1aonTA3a8lUL2l6OLHaFFjOqLD}
        """, request: .by("system:serviceaccount:external-secrets:external-secrets")),
    .good("a store with a role", store("{jwt: {serviceAccountRef: {name: shop}}}")),
    .bad(
        "a store with a key", AWSClause.store, at: "spec.provider.aws.auth.secretRef",
        store(
            "{secretRef: {accessKeyIDSecretRef: {name: aws, key: id}, secretAccessKeySecretRef: {name: aws, key: key}}}"
        )),
    .bad(
        "a store of all namespaces with a key", AWSClause.store, at: "spec.provider.aws.auth.secretRef",
        store(
            "{secretRef: {accessKeyIDSecretRef: {name: aws, namespace: shop, key: id}}}", kind: "ClusterSecretStore")),
    .good("KEDA with a role", trigger("podIdentity: {provider: aws}")),
    .good(
        "KEDA with a password of something else",
        trigger("secretTargetRef: [{parameter: password, name: rabbit, key: password}]")),
    .bad(
        "KEDA with a key", AWSClause.trigger, at: "spec.secretTargetRef[aws]",
        trigger("secretTargetRef: [{parameter: awsSecretAccessKey, name: aws, key: secret}]")),
    .bad(
        "KEDA with a key of the workload's", AWSClause.trigger, at: "spec.env[AWS_ACCESS_KEY_ID]",
        trigger("env: [{parameter: awsAccessKeyID, name: AWS_ACCESS_KEY_ID}]", kind: "ClusterTriggerAuthentication")),
    .bad(
        "KEDA's own key to Secrets Manager", AWSClause.trigger, at: "spec.awsSecretManager.credentials",
        trigger(
            """
            awsSecretManager:
                credentials:
                  accessKey: {valueFrom: {secretKeyRef: {name: aws, key: id}}}
                  accessSecretKey: {valueFrom: {secretKeyRef: {name: aws, key: secret}}}
                secrets: [{parameter: password, name: shop/rabbit}]
            """)),
]

private func store(_ auth: String, kind: String = "SecretStore") -> String {
    """
    apiVersion: external-secrets.io/v1
    kind: \(kind)
    metadata: {name: aws\(kind == "SecretStore" ? ", namespace: shop" : "")}
    spec:
      provider:
        aws: {service: SecretsManager, region: eu-west-1, auth: \(auth)}
    """
}

private func trigger(_ spec: String, kind: String = "TriggerAuthentication") -> String {
    """
    apiVersion: keda.sh/v1alpha1
    kind: \(kind)
    metadata: {name: aws\(kind == "TriggerAuthentication" ? ", namespace: shop" : "")}
    spec:
      \(spec)
    """
}
