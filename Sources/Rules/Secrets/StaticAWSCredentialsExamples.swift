import Evaluation

private let keys = """
    apiVersion: v1
    kind: Secret
    metadata: {name: aws, namespace: shop}
    stringData: {ACCESS_KEY_ID: x, SECRET_ACCESS_KEY: y, AWS_ACCESS_KEY_ID: x}
    """

let staticAWSExamples: [Example] = [
    .good(
        "a role through the ServiceAccount",
        """
        serviceAccountName: web
        containers: [{name: app, env: [{name: AWS_REGION, value: eu-west-1}, {name: AWS_ROLE_SESSION_NAME, value: web}]}]
        """),
    .good(
        "the variable without a value",
        "containers: [{name: app, env: [{name: AWS_ACCESS_KEY_ID, value: ''}, {name: AWS_PROFILE, value: shop}]}]"),
    .bad(
        "an access key id in a variable", AWSClause.variable, at: "containers[app].env[AWS_ACCESS_KEY_ID]",
        "containers: [{name: app, env: [{name: AWS_ACCESS_KEY_ID, value: AKIAIOSFODNN7EXAMPLE}]}]"),
    .bad(
        "a secret access key from a Secret", AWSClause.variable, at: "containers[app].env[AWS_SECRET_ACCESS_KEY]",
        "containers: [{name: app, env: [{name: AWS_SECRET_ACCESS_KEY, valueFrom: {secretKeyRef: {name: aws, key: secret}}}]}]"
    ),
    .bad(
        "an access key id from a Secret in another variable", AWSClause.variable, at: "containers[app].env[S3_USER]",
        "containers: [{name: app, env: [{name: S3_USER, valueFrom: {secretKeyRef: {name: s3, key: AWS_ACCESS_KEY_ID}}}]}]"
    ),
    .bad(
        "a secret access key from a ConfigMap in another variable", AWSClause.variable,
        at: "containers[app].env[S3_PASSWORD]",
        "containers: [{name: app, env: [{name: S3_PASSWORD, valueFrom: {configMapKeyRef: {name: s3, key: AWS_SECRET_ACCESS_KEY}}}]}]"
    ),
    .good(
        "another key of a Secret",
        "containers: [{name: app, env: [{name: S3_USER, valueFrom: {secretKeyRef: {name: s3, key: AWS_REGION}}}]}]"),
    .bad(
        "the path of a credentials file", AWSClause.variable, at: "containers[app].env[AWS_SHARED_CREDENTIALS_FILE]",
        "containers: [{name: app, env: [{name: AWS_SHARED_CREDENTIALS_FILE, value: /etc/aws/keys}]}]"),
    .bad(
        "an init container", AWSClause.variable, at: "initContainers[fetch].env[AWS_SECRET_ACCESS_KEY]",
        """
        initContainers:
        - {name: fetch, env: [{name: AWS_SECRET_ACCESS_KEY, valueFrom: {configMapKeyRef: {name: aws, key: secret}}}]}
        """),
    .bad(
        "a sidecar container", AWSClause.file, at: "initContainers[proxy].volumeMounts[aws]",
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
        "envFrom with a Secret that contains an access key", AWSClause.source, at: "containers[app].envFrom[0]",
        "containers: [{name: app, envFrom: [{secretRef: {name: aws}}]}]", relatedObjects: keys),
    .bad(
        "envFrom with a prefix that completes the variable names", AWSClause.source, at: "containers[app].envFrom[0]",
        "containers: [{name: app, envFrom: [{prefix: AWS_, secretRef: {name: aws}}]}]", relatedObjects: keys),
    .good(
        "envFrom with a Secret without access keys",
        "containers: [{name: app, envFrom: [{secretRef: {name: web}}, {secretRef: {name: absent}}]}]",
        relatedObjects: """
            apiVersion: v1
            kind: Secret
            metadata: {name: web, namespace: shop}
            data: {DB_PASSWORD: aHVudGVyMg==}
            """),
    .bad(
        "a Secret mounted as .aws", AWSClause.file, at: "containers[app].volumeMounts[aws]",
        """
        containers: [{name: app, volumeMounts: [{name: aws, mountPath: /home/app/.aws/}]}]
        volumes: [{name: aws, projected: {sources: [{secret: {name: aws}}]}}]
        """),
    .bad(
        "an access key id in an argument", AWSClause.plainText, at: "containers[app].args[0]",
        "containers: [{name: app, args: [--key=AKIAIOSFODNN7EXAMPLE]}]"),
    .bad(
        "an access key id in another variable", AWSClause.plainText, at: "containers[app].env[S3_USER].value",
        "containers: [{name: app, env: [{name: S3_USER, value: AKIAIOSFODNN7EXAMPLE}]}]"),
    .bad(
        "an access key id in an annotation", AWSClause.plainText, at: "metadata.annotations.backup",
        "metadata: {annotations: {backup: 's3 as AKIAIOSFODNN7EXAMPLE'}}"),
    .bad(
        "an access key id in a ConfigMap", AWSClause.plainText, at: "data.credentials",
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
        "a ConfigMap key with the name of the variable", AWSClause.plainText, at: "data.AWS_SECRET_ACCESS_KEY",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: aws, namespace: shop}
        data: {AWS_SECRET_ACCESS_KEY: changed-later, AWS_REGION: eu-west-1}
        """),
    .good(
        "a ConfigMap with a role configuration",
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
        "a Secret with an access key id", AWSClause.secret, at: "data.user",
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: backup, namespace: shop}
        data: {user: QUtJQUlPU0ZPRE5ON0VYQU1QTEU=}
        """),
    .bad(
        "a Secret with a secret access key", AWSClause.secret, at: "stringData.AWS_SECRET_ACCESS_KEY",
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: aws, namespace: shop}
        stringData: {AWS_SECRET_ACCESS_KEY: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY}
        """),
    .good(
        "a Secret without access keys",
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: web, namespace: shop}
        data: {DB_PASSWORD: aHVudGVyMg==, "tls.crt": bm90IGJhc2U2NCE}
        """, request: .by("system:serviceaccount:external-secrets:external-secrets")),
    .good(
        "a Helm release",
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: sh.helm.release.v1.web.v1, namespace: shop}
        type: helm.sh/release.v1
        data: {release: QUtJQUlPU0ZPRE5ON0VYQU1QTEU=}
        """),
    .bad(
        "envFrom with a Secret that an ExternalSecret fills with an access key", AWSClause.source,
        at: "containers[app].envFrom[0]",
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
        "an ExternalSecret whose template replaces the access keys",
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
        "a credentials file as an item of a volume", AWSClause.file, at: "containers[app].volumeMounts[aws]",
        """
        containers: [{name: app, volumeMounts: [{name: aws, mountPath: /home/app}]}]
        volumes: [{name: aws, secret: {secretName: aws, items: [{key: file, path: .aws/credentials}]}}]
        """),
    .bad(
        "a credentials file as an item in the directory .aws", AWSClause.file, at: "containers[app].volumeMounts[aws]",
        """
        containers: [{name: app, volumeMounts: [{name: aws, mountPath: /root/.aws}]}]
        volumes: [{name: aws, projected: {sources: [{configMap: {name: aws, items: [{key: file, path: credentials}]}}]}}]
        """),
    .bad(
        "a credentials file as the subPath of a volume", AWSClause.file, at: "containers[app].volumeMounts[aws]",
        """
        containers: [{name: app, volumeMounts: [{name: aws, mountPath: /etc/aws/keys, subPath: .aws/credentials}]}]
        volumes: [{name: aws, secret: {secretName: aws}}]
        """),
    .good(
        "AWS settings without credentials",
        """
        containers: [{name: app, volumeMounts: [{name: aws, mountPath: /root/.aws}]}]
        volumes: [{name: aws, secret: {secretName: aws, items: [{key: config, path: config}]}}]
        """),
    .good(
        "an SMTP user of SES",
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: mail, namespace: shop}
        data: {SES_SMTP_USERNAME: QUtJQUlPU0ZPRE5ON0VYQU1QTEU=}
        """, request: .by("system:serviceaccount:external-secrets:external-secrets")),
    .good(
        "an SMTP user of SES in a file",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: mail, namespace: shop}
        data:
          mail.properties: |
            smtp.user=AKIAIOSFODNN7EXAMPLE
        """),
    .bad(
        "an access key id beside an SMTP user of SES", AWSClause.plainText, at: "data[mail.properties]",
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
        "an SMTP user name of SES in a file",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: mail, namespace: shop}
        data: {mail.json: '{"smtpUser": "AKIAIOSFODNN7EXAMPLE"}', SMTP_AUTH: 'user=AKIAIOSFODNN7EXAMPLE', RUN: 'swaks --smtp-user AKIAIOSFODNN7EXAMPLE'}
        """),
    .bad(
        "an access key id on the same line as an SMTP host", AWSClause.plainText, at: "data[app.json]",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data: {app.json: '{"smtp_host": "mail.example.com", "id": "AKIAIOSFODNN7EXAMPLE"}'}
        """),
    .bad(
        "an access key id in a file named after SMTP", AWSClause.plainText, at: "data[smtp.env]",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: smtp, namespace: shop}
        data: {smtp.env: AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE}
        """),
    .bad(
        "an access key id by its name in a variable named after SMTP", AWSClause.plainText, at: "data.SMTP_SETTINGS",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data: {SMTP_SETTINGS: 'host=mail.example.com AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE'}
        """),
    .bad(
        "an access key id in a Secret named after SMTP", AWSClause.secret, at: "stringData.config",
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: web-smtp, namespace: shop}
        stringData: {config: s3.key=AKIAIOSFODNN7EXAMPLE}
        """, request: .by("system:serviceaccount:external-secrets:external-secrets")),
    .bad(
        "an access key id after an SMTP host", AWSClause.secret, at: "stringData[app.env]",
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
        "a secret access key named after SMTP", AWSClause.secret, at: "stringData[app.env]",
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: mail, namespace: shop}
        stringData: {app.env: SMTP_AWS_SECRET_ACCESS_KEY=giauZ3JxzuiKOl1aonTA3a8lUL2l6OLHaFFjOqLD}
        """, request: .by("system:serviceaccount:external-secrets:external-secrets")),
    .good("a SecretStore with a role", store("{jwt: {serviceAccountRef: {name: shop}}}")),
    .bad(
        "a SecretStore with an access key", AWSClause.store, at: "spec.provider.aws.auth.secretRef",
        store(
            "{secretRef: {accessKeyIDSecretRef: {name: aws, key: id}, secretAccessKeySecretRef: {name: aws, key: key}}}"
        )),
    .bad(
        "a ClusterSecretStore with an access key", AWSClause.store, at: "spec.provider.aws.auth.secretRef",
        store(
            "{secretRef: {accessKeyIDSecretRef: {name: aws, namespace: shop, key: id}}}", kind: "ClusterSecretStore")),
    .good("a TriggerAuthentication with a role", trigger("podIdentity: {provider: aws}")),
    .good(
        "a TriggerAuthentication with another secret",
        trigger("secretTargetRef: [{parameter: password, name: rabbit, key: password}]")),
    .bad(
        "a TriggerAuthentication with an access key", AWSClause.trigger, at: "spec.secretTargetRef[aws]",
        trigger("secretTargetRef: [{parameter: awsSecretAccessKey, name: aws, key: secret}]")),
    .bad(
        "a TriggerAuthentication with an access key of the workload", AWSClause.trigger,
        at: "spec.env[AWS_ACCESS_KEY_ID]",
        trigger("env: [{parameter: awsAccessKeyID, name: AWS_ACCESS_KEY_ID}]", kind: "ClusterTriggerAuthentication")),
    .bad(
        "a TriggerAuthentication with an access key for Secrets Manager", AWSClause.trigger,
        at: "spec.awsSecretManager.credentials",
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
