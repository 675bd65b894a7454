import Evaluation
import JSON
import Kubernetes
import TestSupport
import Testing

/// A name and a value, as of an environment variable; the name is nil if the value alone is a credential.
struct NamedValue: CustomTestStringConvertible, Sendable {
    let name: String?
    let value: String
    var testDescription: String { "\(name ?? "-")=\(value.prefix(60))" }

    init(_ name: String?, _ value: String) {
        self.name = name
        self.value = value
    }

    /// The credential that is found in the value.
    var credential: Credential? {
        let pair: Literal = ["name": .string(name ?? ""), "value": .string(value)]
        guard let document = try? Document(parsing: Array(pair.json.utf8)) else { return nil }
        return withExtendedLifetime(document) {
            document.root["value"].flatMap {
                Credential.first(in: $0, named: name == nil ? nil : document.root["name"])
            }
        }
    }
}

/// Builds tokens at run time, so that secret scanners do not report this file.
private func made(_ prefix: String, _ count: Int, of letters: String = "4aZ9bY7c") -> String {
    prefix + String(String(repeating: letters, count: count / letters.count + 1).prefix(count))
}

private let jwt = made("eyJ", 20) + "." + made("eyJ", 30) + "." + made("", 43)
private let pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n"
private let uuid = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
private let certificate = "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIE\n-----END CERTIFICATE-----\n"

/// The values that are recognized as credentials.
@Suite struct CredentialTests {
    static let secrets: [(NamedValue, Credential.Kind)] = [
        // Secrets by name.
        (.init("DB_PASSWORD", "hunter2"), .password), (.init("API_TOKEN", "not-a-real-token"), .token),
        (.init("MYSQL_ROOT_PASSWORD", "root"), .password), (.init("PGPASSWORD", "s3cr3t"), .password),
        (.init("spring.datasource.password", "tiger"), .password), (.init("dbPassword", "p4ss"), .password),
        (.init("REDIS_PASSWORD", "password"), .password), (.init("ADMIN_PASSWORD", "changeme"), .password),
        (.init("LOGIN_PASSWORD", "correct horse battery staple"), .password),
        (.init("DB_PASSWORD", "123456"), .password),
        (.init("DB_PASS", "hunter2"), .password), (.init("SMTP_PASS", "letmein"), .password),
        (.init("MYSQL_PWD", "hunter2"), .password), (.init("SSH_PASSPHRASE", "open sesame"), .password),
        (.init("HTPASSWD", "admin:$apr1$abc$def"), .password), (.init("PASSWORD_PROD", "hunter2"), .password),
        (.init("DB_PASSWORD_2", "hunter2"), .password), (.init("TLS_PASSWORD", "hunter2"), .password),
        (.init("KEYSTORE_PASSWORD", "changeit"), .password), (.init("DB_PASSWORD", "pa$$w0rd"), .password),
        (.init("DB_PASSWORD", "$ecretPass1"), .password), (.init("CLIENT_SECRET", "8f14e45fceea167a"), .secret),
        (.init("JWT_SECRET", "my-jwt-secret"), .secret), (.init("SECRET_KEY_BASE", made("", 64)), .secret),
        (.init("DJANGO_SECRET_KEY", "django-insecure-x"), .secret), (.init("clientSecret", "abc123"), .secret),
        (.init("SESSION_SECRET", "keyboard-cat"), .secret), (.init("WEBHOOK_SECRET", "s3cr3t"), .secret),
        (.init("AUTH_TOKEN", made("", 32, of: "0123456789abcdef")), .token),
        (.init("ACCESS_TOKENS", "abc1,def2"), .token),
        (.init("VAULT_TOKEN", "root-token"), .token), (.init("NPM_TOKEN", "abc"), .token),
        (.init("TOKEN", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"), .token), (.init("GITHUB_TOKEN_2", "abcdef"), .token),
        (.init("API_KEY", "abcdef123456"), .apiKey), (.init("DD_API_KEY", made("", 32, of: "0a1b2c3d")), .apiKey),
        (.init("apiKey", "abcdef123456"), .apiKey), (.init("x-api-key", "abcdef123456"), .apiKey),
        (.init("ENCRYPTION_KEY", made("", 44)), .key), (.init("STORAGE_ACCOUNT_KEY", made("", 86) + "=="), .key),
        (.init("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), .awsSecretAccessKey),
        (.init("SIGNING_PRIVATE_KEY", made("", 64)), .privateKey),
        (.init("DB_PW", "hunter2"), .password), (.init("PRIVATE_KEY", "0x4c0883a69102937d"), .privateKey),
        (.init("GF_DATABASE_PASSWORD", "hunter2"), .password), (.init("NEXTAUTH_SECRET", "keyboardcat"), .secret),
        (.init("OTEL_EXPORTER_OTLP_HEADERS", "api-key=0a1b2c3d4e5f"), .apiKey),
        (.init("PASSPORT_SECRET", "hunter2"), .secret), (.init("SPRING_RABBITMQ_PASSWORD", "guest"), .password),
        (.init("APP_KEY", "base64:" + made("", 43) + "="), .key), (.init("FERNET_KEY", made("", 43) + "="), .key),
        (.init("PAGERDUTY_INTEGRATION_KEY", made("", 32, of: "0a1b2c3d")), .key),
        (.init("REDIS_AUTH", "hunter2"), .password), (.init("VALKEY_AUTH", "correcthorse"), .password),
        (.init("BASIC_AUTH", "admin:hunter2"), .password),
        (.init("AZURE_DEVOPS_PAT", made("", 52)), .token),
        (.init("SESSION_KEYS", made("", 32)), .key), (.init("RAILS_MASTER_KEY", made("", 32, of: "0a1b2c3d")), .key),
        (.init("HMAC_KEY", made("", 43) + "="), .key), (.init("jwtKey", made("", 44)), .key),
        (.init("COOKIE_KEY", made("", 32)), .key), (.init("AES_KEY", made("", 64, of: "0a1b2c3d")), .key),
        (.init("VAULT_UNSEAL_KEY_1", made("", 43) + "="), .key), (.init("STORAGE_KEY", made("", 86) + "=="), .key),
        (.init("WEBHOOK_KEY", made("", 40, of: "0a1b2c3d")), .key),
        (.init("ENCRYPTIONKEY", made("", 44)), .key),
        (.init("RABBITMQ_ERLANG_COOKIE", "SWQOKODSQALRPCLNMEQG"), .secret),
        (.init("OAUTH2_PROXY_COOKIE_SECRET", made("", 32)), .secret),
        (.init("ELASTIC_PASSWORD", "changeme"), .password),
        (.init("TELEGRAM_BOT_TOKEN", "123456789:" + made("AA", 33)), .vendorToken),
        (.init("AZURE_CLIENT_SECRET", made("aB1~", 36)), .secret), (.init("SNYK_TOKEN", uuid), .token),
        (.init("HEROKU_API_KEY", uuid), .apiKey), (.init("JWT_SECRET_KEY", "super-secret"), .secret),
        (.init("ACCESS_TOKEN_SECRET", "letmein"), .secret), (.init("TF_VAR_db_password", "hunter2"), .password),
        (.init("POSTGRES_PASSWORD_SECRET", made("", 32)), .secret), (.init("PASSWORD_SECRET", made("", 32)), .secret),
        (.init("BORG_PASSPHRASE", "open sesame"), .password),
        (.init("WIREGUARD_PRIVATE_KEY", made("", 43) + "="), .privateKey),
        (.init("HASURA_GRAPHQL_ADMIN_SECRET", "myadminsecretkey"), .secret),
        (.init("GITLAB_REGISTRATION_TOKEN", made("GR1348941", 20)), .token),
        (.init("STRIPE_SECRET_KEY", "not-a-real-key-1"), .secret), (.init("SASL_PASSWORD", "ADMIN"), .password),
        (.init("DB_PASSWORD_READER", "hunter2"), .password), (.init("PASSWORD_WRITER", "hunter2"), .password),
        (.init("GAS_TOKEN", "0xK7g2Zq9LmX4vT1nB8yR5wP0sD3hJ6cF2aQ9eU7iO"), .token),
        // Digits and letters that alternate and are not a duration.
        (.init("SHARED_SECRET", "12ab34cd"), .secret), (.init("DB_PASSWORD", "1a2b3c4d"), .password),
        // Secrets by the form of the value, under any name.
        (.init("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), .awsAccessKeyID),
        (.init("s3.yaml", "accessKey: AKIAIOSFODNN7EXAMPLE\n"), .awsAccessKeyID),
        (.init(nil, "--auth-token=AKIAIOSFODNN7EXAMPLE"), .awsAccessKeyID),
        (.init("ID", "ASIAIOSFODNN7EXAMPLE"), .awsAccessKeyID), (.init("GH", made("ghp_", 36)), .gitHubToken),
        (.init("GH", made("github_pat_", 82)), .gitHubToken), (.init("CI", made("ghs_", 36)), .gitHubToken),
        (.init("CI", made("glpat-", 20)), .gitLabToken),
        (.init("SLACK", made("xoxb-", 50, of: "12345-aB")), .slackToken),
        (.init("NPM", made("npm_", 36, of: "aB3d")), .registryToken), (.init("LLM", made("sk-admin-", 40)), .modelKey),
        (.init("TFE", made("", 14) + made(".atlasv1.", 64)), .vendorToken),
        (.init("BOT", "123456789:" + made("A", 34)), .vendorToken),
        (.init("BOT", "https://api.telegram.org/bot123456789:" + made("A", 34) + "/getMe"), .vendorToken),
        (.init("HOOK", "https://a.webhook.office.com/webhookb2/" + made("", 60)), .webhookAddress),
        (.init("HOOK", "https://a.logic.azure.com:443/workflows/1?a=b&sig=" + made("", 30)), .webhookAddress),
        (.init("HOOK", "https://hooks.slack.com/services/T00000000/B00000000/" + made("", 24)), .webhookAddress),
        (.init("STRIPE", made("sk_live_", 24)), .stripeKey), (.init("STRIPE", made("rk_live_", 24)), .stripeKey),
        (.init("MAPS", made("AIza", 35)), .googleKey), (.init("OAUTH", made("GOCSPX-", 28)), .googleKey),
        (.init("AUTH", jwt), .webToken), (.init("HEADER", "Bearer \(jwt)"), .webToken),
        (.init("KEY", pem), .privateKey), (.init("KEY", pem.replacing("RSA ", with: "")), .privateKey),
        (.init("KEY", pem.replacing("RSA", with: "OPENSSH")), .privateKey),
        (.init("KEY", "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo="), .privateKey),
        (.init("NPMRC", "//registry.npmjs.org/:_authToken=" + made("npm_", 36)), .registryToken),
        (.init("PYPI", made("pypi-AgE", 80)), .registryToken),
        (.init("MAIL", made("SG.", 22) + "." + made("", 43)), .mailKey),
        (.init("SMS", made("SK", 32, of: "0a1b2c3d")), .twilioKey),
        (.init("LLM", made("sk-ant-api03-", 80)), .modelKey),
        (.init("LLM", made("sk-proj-", 48)), .modelKey), (.init("LLM", made("sk-", 48)), .modelKey),
        (.init("HF", made("hf_", 34)), .modelKey), (.init("HF", made("hf_", 34, of: "aZbYcXdW")), .modelKey),
        (.init("VAULT", made("hvs.", 90)), .vendorToken),
        // Secrets in URIs.
        (.init("DATABASE_URL", "postgres://shop:hunter2@db.internal:5432/catalogue"), .uri),
        (.init("BROKER", "amqp://guest:guest@rabbit:5672/%2f"), .uri),
        (.init("CACHE", "redis://:hunter2@redis:6379/0"), .uri),
        (.init("MONGO", "mongodb+srv://app:p%40ss@cluster0.mongodb.net/shop"), .uri),
        (.init("PROXY", "http://user:pa/ss@proxy:3128"), .uri), (.init("DSN", "root:hunter2@tcp(db:3306)/shop"), .uri),
        (.init("REPO", "https://ci:s3cr3t@git.example.com/shop.git"), .uri),
        (.init("SENTRY_DSN", "https://0a1b:2c3d@sentry.example.com/7"), .uri),
        (.init("JDBC_URL", "jdbc:oracle:thin:scott/tiger@//db:1521/orcl"), .uri),
        // Options of programs whose names do not mention a secret.
        (.init(nil, "curl -u admin:hunter2 https://x"), .password), (.init(nil, "curl -fsSu 'a:hunter2' x"), .password),
        (.init(nil, "/usr/bin/curl --user admin:hunter2 x"), .password),
        (.init(nil, "curl -uadmin:hunter2 x"), .password),
        (.init(nil, "redis-cli -h cache -a hunter2 ping"), .password), (.init(nil, "mysql -h db -phunter2"), .password),
        (.init(nil, "mysqladmin ping -p'hunter2'"), .password), (.init(nil, "sshpass -p hunter2 ssh a@b"), .password),
        (.init(nil, "sshpass -phunter2 ssh a@b"), .password),
        (.init(nil, "set -e\nredis-cli \\\n  -a hunter2"), .password),
        (.init(nil, "curl -H 'Accept: a;b' -u a:hunter2 x"), .password),
        // Secrets in command lines and other texts.
        (.init(nil, "--password=hunter2"), .password), (.init(nil, "--token abc123def"), .token),
        (.init(nil, "export PASSWORD=hunter2 && exec node server.js"), .password),
        (.init(nil, "PGPASSWORD='hunter2' psql -h db"), .password), (.init(nil, "-Ddb.password=hunter2"), .password),
        (.init(nil, "curl -H 'Authorization: Bearer 4aZ9bY7c4aZ9bY7c4aZ9' https://api"), .token),
        (.init("OPTS", "Server=db;User Id=sa;Password=hunter2;Encrypt=true"), .password),
        (.init("CONFIG", "{\"user\":\"sa\",\"password\":\"hunter2\"}"), .password),
        (.init("URL", "https://api.example.com/v1?api_key=abcdef123456&x=1"), .apiKey),
        (.init("STORAGE", "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=\(made("", 60))==;"), .key),
        (.init("application.yaml", "spring:\n  datasource:\n    username: shop\n    password: hunter2\n"), .password),
        (.init("app.properties", "db.user=shop\ndb.password=hunter2\n"), .password),
        (.init("grafana.ini", "[security]\nadmin_user = admin\nadmin_password = admin\n"), .password),
        (.init("init.sql", "CREATE USER shop WITH PASSWORD 'hunter2';"), .password),
        (.init("users.xml", "<user><name>a</name><password>hunter2</password></user>"), .password),
        (.init("jaas.conf", "PlainLoginModule required username=\"a\" password=\"hunter2\";"), .password),
        (.init("config.json", "{\n  \"auth\": { \"apiKey\" : \"abcdef123456\" }\n}"), .apiKey),
        (.init("run.sh", "#!/bin/sh\nTOKEN=\"abc123def\"\nexec app\n"), .token),
        (.init("settings.py", "SECRET_KEY = 'django-insecure-abc123'\n"), .secret),
        (.init("list.yaml", "users: [{name: a, password: hunter2}]"), .password),
        (.init("ca-and-key.pem", certificate + pem), .privateKey),
        (.init(".npmrc", "//registry.example.com/:_authToken=" + made("", 36, of: "0a1b2c3d")), .token),
        (.init(nil, "curl -H 'Authorization: Basic c2hvcDpodW50ZXIyMg==' https://api"), .password),
        (.init(nil, "curl -H \"Authorization: Basic dXNlcjpwYXNzdzByZA==\" https://api"), .password),
        (.init("redis.conf", "requirepass\thunter2222\n"), .password),
        (.init(nil, "curl --header \"PRIVATE-TOKEN: hunter2\" https://git.example.com/api"), .token),
        (.init("redis.conf", "maxmemory 100mb\nrequirepass hunter2222\n"), .password),
        (.init("fluent-bit.conf", "[OUTPUT]\n    Name  es\n    HTTP_Passwd  hunter2222\n"), .password),
        (.init("core-site.xml", "<name>hive.password</name>\n<value>hunter2</value>"), .password),
        (.init("values.yaml", "env:\n- name: DB_PASSWORD\n  value: hunter2\n- name: X\n"), .password),
        (.init("task.json", "[{\"name\":\"API_TOKEN\", \"value\":\"hunter2\"}]"), .token),
    ]

    @Test(arguments: secrets.map(\.0))
    func `a secret is found`(_ item: NamedValue) { #expect(item.credential != nil) }

    @Test func `a secret is reported with its kind`() {
        for (item, kind) in Self.secrets {
            #expect(item.credential?.kind == kind, "\(item.testDescription)")
        }
        #expect(Self.secrets.count >= 60)
    }

    static let innocent: [NamedValue] = [
        // Options of programs that take passwords, here without one.
        .init(nil, "curl -u $USER:$PASS https://x"), .init(nil, "curl -u \"$LOGIN\" https://x"),
        .init(nil, "curl -fsS -o out https://x"), .init(nil, "redis-cli ping; ls -a directory"),
        .init(nil, "redis-cli -a $REDIS_PASSWORD ping"), .init(nil, "mysql -h db -p shop"),
        .init(nil, "mysql -p$PW shop"),
        .init(nil, "sshpass -e ssh a@b"), .init(nil, "sort -u a:b"), .init(nil, "mkdir -p directory"),
        .init(nil, "mysql -P 3306 --protocol=tcp"), .init(nil, "redis-cli ping\nls -a directory"),
        .init(nil, "echo -----BEGIN CERTIFICATE-----"), .init(nil, "«redacted:literal» and «redacted:password"),
        // Properties of a secret.
        .init("TOKEN_TTL_SECONDS", "3600"), .init("PASSWORD_MIN_LENGTH", "12"), .init("SECRET_NAME", "checkout-db"),
        .init("TOKEN_URL", "https://auth.example.com/oauth/token"), .init("PASSWORD_RESET_ENABLED", "true"),
        .init("TOKEN_ISSUER", "shop"), .init("TOKEN_AUDIENCE", "api"), .init("SECRET_ARN", "arn:aws:secretsmanager:x"),
        .init("DB_PASSWORD_FILE", "/run/secrets/db"), .init("TOKEN_PATH", "/var/run/token"),
        .init("TOKEN_TYPE", "access"),
        .init("PASSWORD_HASH_ALGORITHM", "bcrypt"), .init("SECRETS_PROVIDER", "aws"),
        .init("SECRET_STORE", "vault-prod"),
        .init("SECRET_KEY_REF", "checkout"), .init("secretName", "web-tls"), .init("existingSecret", "redis-auth"),
        .init("passwordKey", "redis-password"), .init("TLS_SECRET", "web-tls"), .init("IMAGE_PULL_SECRET", "regcred"),
        .init("API_KEY_HEADER", "X-Api-Key"), .init("CSRF_TOKEN_NAME", "csrf"), .init("TOKEN_BUCKET_SIZE", "big"),
        .init("TOKEN_VALIDATION", "strict"), .init("SECRET_ROTATION_DAYS", "30"), .init("TOKEN_SCOPES", "read write"),
        .init("PASSWORD_POLICY", "strong"), .init("PASSWORD_HINT", "your first dog"),
        .init("TOKEN_REGION", "eu-west-1"),
        .init("tokenEndpoint", "/oauth/token"), .init("ACCESS_TOKEN_LIFETIME", "15m"),
        .init("TOKEN_EXPIRES_IN", "1h30m"),
        .init("SECRETS_NAMESPACE", "vault"), .init("API_KEY_ID", "abcdef"),
        .init("PRIVATE_KEY_PATH", "/keys/private.pem"),
        .init("JWT_PUBLIC_KEY", "abcdef"), .init("SECRET_BACKEND", "ssm"), .init("TOKEN_ENDPOINT_AUTH_METHOD", "post"),
        .init("PASSWORD_ENCODER", "argon2"), .init("PASSWORD_ENV", "DB_PASSWORD"),
        // PASSWORD_SECRET names a Secret, and a password beside it is called PASSWORD. So a word is accepted as a name, and only
        // a random-looking value is found.
        .init("PASSWORD_SECRET", "hunter2"), .init("DB_PASSWORD_SECRET", "orders-db"),
        .init("POSTGRES_PASSWORD_SECRET", "orders-db"), .init("KEYCLOAK_CLIENT_SECRET_KEY", "client-secret"),
        .init("KEYCLOAK_CLIENT_SECRET_KEY", "keycloak-client"), .init("DB_PASSWORD_SECRET_KEY", "password"),
        .init("DB_PASSWORD_SECRET_NAME", "orders-db"), .init("CLIENT_SECRET_KEY", "client.secret"),
        .init("KEYCLOAK_ADMIN_PASSWORD_SECRET", "keycloak-admin-2024"), .init("GITHUB_TOKEN_SECRET_REF", "github"),
        .init("DEFAULT_TOKEN", "USDC"), .init("REWARD_TOKEN", "ARB"), .init("BASE_TOKEN", "wBTC"),
        .init("TOKEN_IN", "0xdAC17F958D2ee523a2206206994597C13D831ec7"), .init("TOKEN_HOLDER", "alice"),
        .init("SECRET_RECOVERY", "email"), .init("GAS_TOKEN", "MATIC"),
        .init("TOKEN_ALLOWLIST", "USDC,DAI"), .init("TOKEN_REGISTRY", "mainnet"), .init("SECRET_LABELS", "app=web"),
        .init("HMAC_KEY_ALIAS", "orders"), .init("VAULT_SECRET_MOUNT", "kv"), .init("TOKEN_TYPE_HINT", "access_token"),
        .init("SENTRY_DSN_SECRET", "sentry"), .init("CERT_MANAGER_SECRET", "shop-tls"),
        .init("SECRET_MANAGER", "aws"), .init("SECRET_PROVIDER_CLASS", "aws-secrets"),
        .init("LOGIN_PASSWORD_SELECTOR", "#password"), .init("PASSWORD_CHANGE_REQUIRED", "after-login"),
        .init("SMTP_AUTH", "LOGIN"), .init("AUTH", "oidc"), .init("MONGO_AUTH", "SCRAM-SHA-256"),
        .init("REDIS_AUTH", "true"), .init("NEO4J_AUTH", "none"), .init("BASIC_AUTH", "enabled"),
        .init("AUTH", "auth.example.com:8443"), .init("OAUTH", "https://auth.example.com"),
        .init("ENABLE_AUTH", "basic"),
        .init("SESSION_KEYS", "user,cart"), .init("SESSION_KEY", "session_id"), .init("JWT_KEY", "sub"),
        .init("PUBLIC_SIGNING_KEY", made("", 44)), .init("JWT_PUBLIC_KEY", made("", 44)),
        .init("RECAPTCHA_SITE_KEY", made("6L", 38)), .init("S3_OBJECT_KEY", "Reports/2024/Orders-1234.csv"),
        .init("GPG_KEY", made("", 40, of: "A035C8C1")), .init("CACHE_KEY", made("", 32, of: "0a1b2c3d")),
        .init("SIGNING_KEY", "shop-signing-2024"),
        .init("STORAGE_KEY", "orders-v2-prod-2024"), .init("ENABLE_PASSWORD_LOGIN", "email"),
        .init("TOKEN_NETWORK", "polygon"), .init("TOKEN_STANDARD", "ERC20"), .init("TOKEN_SIGNING", "RS256"),
        .init("PASSWORD_HASHING", "argon2id"), .init("MEDIA_PAT", "*.png"), .init("BY_PAT", "north"),
        .init("ENCRYPTION_KEY", made("mrk-", 32, of: "0a1b2c3d")),
        .init("SIGNING_KEY_ID", "2024-05-key-1"), .init("ACCESS_KEY_LAST_ROTATED", "2024-01-01T00:00:00Z"),
        .init("PASSKEYS_ENABLED", "yes"), .init("KEY_VAULT_NAME", "orders-kv"), .init("STOP_TOKENS", "</s>"),
        // Names that contain a keyword by chance.
        .init("TOKENIZERS_PARALLELISM", "false"), .init("TOKENIZER", "cl100k"),
        .init("SECRETARY_EMAIL", "a@example.com"),
        .init("PASSWORDLESS_LOGIN", "magic-link"), .init("COMPASS", "north"), .init("BYPASS", "internal"),
        .init("PASS_RATE", "high"), .init("KEYBOARD", "qwerty"), .init("MONKEY", "banana"), .init("OLDPWD", "/app"),
        .init("PWD", "/app"), .init("MAX_TOKENS", "4096"), .init("PAD_TOKEN", "<pad>"), .init("EOS_TOKEN", "eos"),
        .init("PARTITION_KEY", "customer-id"), .init("PRIMARY_KEY", "id"), .init("CACHE_KEY_PREFIX", "shop:"),
        .init("TOKENS_TOPIC", "auth-tokens"), .init("PASSWORD_DATABASE", "users"), .init("REGISTRY_SECRET", "regcred"),
        .init("PASSWORD_AUTHENTICATION", "internal"), .init("GF_SECURITY_ADMIN_PASSWORD__FILE", "/etc/secrets/grafana"),
        .init("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"),
        .init("PASSENGER_APP_ENV", "production"), .init("SSH_PRIVATE_KEY", "id.pem"), .init("SA_TOKEN", "token.json"),
        .init("HASURA_GRAPHQL_JWT_SECRET", "{\"type\":\"RS256\",\"jwk_url\":\"https://auth.example.com/jwks\"}"),
        .init("CORS_ALLOW_CREDENTIALS", "true"), .init("SESSION_TOKEN_COOKIE", "sid"),
        .init("XSRF_TOKEN", "X-XSRF-TOKEN"),
        .init("LDAP_PASSWORD_ATTR", "userPassword"), .init("REFRESH_TOKEN_REUSE", "one_time"),
        .init("SECRETS_CSI_DRIVER", "aws"), .init("TOKEN_CONTRACT", "0xdAC17F958D2ee523a2206206994597C13D831ec7"),
        .init("SUPPORTED_TOKENS", "USDC,DAI"), .init("NATIVE_TOKEN", "ETH"), .init("APP_KEY", "shop"),
        .init("APP_KEY", "com.example.shop"), .init("INTEGRATION_KEY", "orders-to-billing"),
        // References, templates, masks and empty values.
        .init("DB_PASSWORD", ""), .init("DB_PASSWORD", "  "), .init("DB_PASSWORD", "$(DB_PASSWORD)"),
        .init("DB_PASSWORD", "${DB_PASSWORD}"), .init("DB_PASSWORD", "$DB_PASSWORD"),
        .init("DB_PASSWORD", "{{ .password }}"),
        .init("DB_PASSWORD", "prefix-${X}"), .init("DB_PASSWORD", "<password>"), .init("DB_PASSWORD", "****"),
        .init("DB_PASSWORD", "xxxxxxxx"), .init("DB_PASSWORD", "null"),
        .init("DB_PASSWORD", "vault:secret/data/db#password"),
        .init("DB_PASSWORD", "arn:aws:secretsmanager:eu-west-1:222222222222:secret:db"),
        .init("DB_PASSWORD", "ssm:/shop/db"),
        .init("DB_PASSWORD", "/run/secrets/db-password"), .init("DB_PASSWORD", "ref+awssecrets://shop/db#password"),
        .init("DB_PASSWORD", "ENC[AES256_GCM,data:abc,type:str]"), .init("DB_PASSWORD", "op://vault/item/password"),
        .init("DB_PASSWORD", "%DB_PASSWORD%"), .init("DB_PASSWORD", "REDACTED"), .init("DB_SECRET", "prod/checkout/db"),
        .init("GOOGLE_APPLICATION_CREDENTIALS", "/var/secrets/google/key.json"), .init("USE_TOKEN", "true"),
        .init("ALLOW_EMPTY_PASSWORD", "yes"), .init("REQUIRE_SECRET", "1"), .init("KMS_ENCRYPTION_KEY", "alias/shop"),
        .init("ENCRYPTION_KEY", "1234abcd-12ab-34cd-56ef-1234567890ab"), .init("SIGNING_KEY", "shop-signing"),
        .init("AUTOMOUNT_SERVICE_ACCOUNT_TOKEN", "false"), .init("TOKEN", "Bearer"),
        // Names without a keyword.
        .init("IMAGE", "222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:" + made("", 64, of: "0a1b2c3d")),
        .init("GIT_SHA", "9f3c1ab2d4e5f60718293a4b5c6d7e8f90a1b2c3"),
        .init("REQUEST_ID", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
        .init("CERT", certificate), .init("PUB", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ me@example.com"),
        .init("PUB", certificate.replacing("CERTIFICATE", with: "PUBLIC KEY")),
        .init("DB_HOST", "checkout.db.internal"),
        .init("DATABASE_URL", "postgres://db.internal:5432/catalogue"),
        .init("DATABASE_URL", "postgres://app@db/catalogue"),
        .init("DATABASE_URL", "postgres://$(DB_USER):$(DB_PASSWORD)@$(DB_HOST)/x"),
        .init("DSN", "https://0a1b2c@sentry.io/7"),
        .init("DATABASE_URL", "postgres://USER:PASSWORD@HOST/db"), .init("URL", "https://host:8080/a:b@c"),
        .init("URL", "https://user:@host/"), .init("URL", "http://[fd00::1]:8080/@app/main"),
        .init("URL", "jdbc:oracle:thin:@//db:1521/orcl"), .init("URL", "jdbc:oracle:thin:${USER}/${PASSWORD}@db"),
        .init("IMAGE", "docker://nginx:1.27@sha256:0a1b"),
        .init("MAIL", "mailto:a@b.example"),
        .init("ROLE", "arn:aws:iam::222222222222:role/AKIA"), .init("ROLE_ID", "AROAIOSFODNN7EXAMPLE"),
        .init("STRIPE_KEY", made("pk_live_", 24)), .init("CLASS", "com.example.tokens.AccessTokenProvider"),
        .init("LANG", "sk-SK"), .init("FEATURES", "sk-checkout-2,new-basket"),
        .init("TWILIO_SID", made("AC", 32, of: "0a1b2c3d")),
        .init("HOOK", "https://hooks.slack.com/services/${SLACK_PATH_WITH_ALL_OF_ITS_PARTS}"),
        .init("JAVA_OPTS", "-Xmx512m -Djavax.net.ssl.trustStore=/etc/ca.jks"),
        .init("checksum/secret", made("", 64, of: "0a1b2c3d")),
        .init("checksum/passwords", made("", 64, of: "0a1b2c3d")),
        // Placeholders for tokens in examples.
        .init("NOTE", made("ghp_", 36, of: "x")), .init("NOTE", made("glpat-", 20, of: "x")),
        .init("NOTE", made("AKIA", 16, of: "X")), .init("NOTE", "xoxb-xxxxxxxxxxxx-xxxxxxxxxxxx-xxxxxxxxxxxx"),
        .init("NOTE", "eyJxxx.eyJxxx.xxxxxxxxx"), .init("NOTE", made("sk-", 48, of: "x")),
        // Command lines and other texts.
        .init(nil, "--password=$(DB_PASSWORD)"), .init(nil, "--token-file=/var/run/token"),
        .init(nil, "--token \"$TOKEN\""),
        .init(nil, "--password-stdin"), .init(nil, "--authentication-token-webhook=true"),
        .init(nil, "--secret --verbose"),
        .init(nil, "export TOKEN=$(cat /run/token); exec app"),
        .init(nil, "PGPASSWORD=$DB_PASSWORD psql -c 'select 1'"),
        .init(nil, "if [ \"$PASSWORD\" = \"\" ]; then exit 1; fi"),
        .init(nil, "error: invalid token: expired yesterday"),
        .init(
            "a.yaml",
            "password: ${DB_PASSWORD}\ntoken: {{ .token }}\nsecretName: web-tls\npasswordSecretRef:\n  name: a\n"),
        .init("a.yaml", "bearer_token_file: /var/run/token\npassword_file: /etc/p\nsecret:\n  defaultMode: 420\n"),
        .init("en.json", "{\"password\": \"Password\", \"token\": \"Your token\", \"forgotPassword\": \"Forgot it?\"}"),
        .init("nginx.conf", "proxy_set_header X-Token $http_x_token;\nlog_format a 'token: $token';\n"),
        .init("app.js", "const token = getToken();\nconst password = process.env.PASSWORD;\n"),
        .init("app.py", "password = os.environ[\"PASSWORD\"]\nif password == other: pass\ntoken = config.token\n"),
        .init("redis.conf", "# requirepass foobared\n# password = example\nmaxmemory 100mb\n"),
        .init("pg.conf", "password_encryption = scram-sha-256\nssl_passphrase_command = ''\n"),
        .init(
            "realm.json",
            "{\"clientSecret\": \"**********\", \"passwordPolicy\": \"length(8)\", \"accessTokenLifespan\": 300}"),
        .init("openapi.yaml", "token:\n  type: string\n  description: the token to use\npassword: string\n"),
        .init("values.yaml", "existingSecret: redis\nsecretKeys:\n  adminPasswordKey: admin-password\n"),
        .init("ca.crt", certificate), .init("prometheus.yml", "basic_auth:\n  username: a\n  password_file: /etc/p\n"),
        .init("app.py", "client = login(user=user, password=password)\ndb(token=token, x=1)\n"),
        .init("app.java", "this.token = token;\n"),
        .init("q.sql", "select 1 from users where token = :token and secret = ?"),
        .init("rules.yml", "expr: sum(rate(requests{token=~\"$token\"}[5m]))\n"),
        .init("de.json", "{\"password\": \"contraseña\"}"),
        .init("chart.yaml", "tls:\n  secret: web-tls\nauth:\n  secret: redis-auth\n"),
        .init("argocd-cm", "clientSecret: $oidc.auth.clientSecret\nwebhook.github.secret: $webhook\n"),
        .init("envoy.yaml", "token_bucket: {max_tokens: 10, tokens_per_fill: 10}\n"),
        .init("types.ts", "interface A { password: string; token?: string }"),
        .init("schema.graphql", "input Login {\n  password: String!\n  token: ID!\n  secret: String\n}\n"),
        .init("usage.txt", "app [--password PASSWORD] [--token <token>]\n  --password string   the password\n"),
        .init("run.sh", "printf 'password=%s\\n' \"$P\" >f\necho \"Usage: $0 --token TOKEN\"\n"),
        .init("values.yaml", "env:\n- name: DB_PASSWORD\n  value: $(PASSWORD)\n- name: TOKEN_TTL\n  value: a1b2\n"),
        .init("tasks.json", "{\"name\": \"rotate password\", \"value\": \"weekly\"}"),
        .init("notes.txt", "Basic dashboards-for-teams-2024\nBasic knowledge of tokens\n"),
        .init("openapi.yaml", "- name: token\n  in: query\n  value: abc\n"),
        .init("notes.txt", "password rotation\ntoken 0.1.2-rc1\nPassword changed twice in 2024\nsecret web-tls-2\n"),
        .init("ssh.conf", "PasswordAuthentication no\nssl_password_file /etc/p4ssw0rd\n"),
        .init(nil, "curl -H \"X-Api-Key: $KEY\" -H 'X-Csrf-Token: Fetch' https://api"),
        .init(
            "app.py",
            "def login(self, token: bytes, password=None):\n    self.password = password\n    self.token = value\n"),
        .init("app.py", "def read(self, password: bytes):\n"), .init("auth.lua", "headers[\"X-Token\"] = token\n"),
        .init("passwd", "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/app:/bin/sh\n"),
        .init("run.sh", "grep -q '-----BEGIN RSA PRIVATE KEY-----' k || echo \"-----BEGIN PRIVATE KEY-----\" >k\n"),
        .init("usage.txt", "login <user> <password> and go on, with the trailer.<token>.command that you have\n"),
        .init("SECRET_SCANNING", "audit"), .init("CA_SECRET", "root-ca"), .init("TOKEN_LIFE", "1h30m5s"),
    ]

    @Test(arguments: innocent)
    func `a value that is not a secret is not reported`(_ item: NamedValue) { #expect(item.credential?.kind == nil) }

    @Test func `there are at least 100 names and values without a secret`() { #expect(Self.innocent.count >= 100) }
}

/// Findings about secrets in objects.
@Suite struct PlainTextTests {
    private func world(_ yaml: String) throws -> World {
        World(World.deployment.merging(["spec": ["template": ["spec": try Literal(yaml: yaml)]]]))
    }

    private func findings(_ world: World) throws -> [DecidedFinding] {
        try world.decision().findings.filter { $0.rule.id == "inline-credentials" }
    }

    @Test(arguments: CredentialTests.secrets.map(\.0))
    func `no message about a secret contains it`(_ item: NamedValue) throws {
        let secret = try #require(item.credential)
        let bytes = Array(item.value.utf8)[secret.range]
        let text = String(decoding: bytes, as: UTF8.self)
        // Some words are both a password and part of the message.
        guard !["password", "root", "admin"].contains(text) else { return }
        let container: Literal = [
            "name": "app", "env": [["name": .string(item.name ?? "TEXT"), "value": .string(item.value)]],
            "args": ["--flag", .string(item.value)],
        ]
        var holder = World(World.deployment.merging(["spec": ["template": ["spec": ["containers": [container]]]]]))
        holder.object = holder.object?.merging(["metadata": ["annotations": ["note": .string(item.value)]]])
        let map: Literal = [
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "web", "namespace": "shop"],
            "data": .object([.init(item.name ?? "text", .string(item.value))]),
        ]
        for world in [holder, World(map)] {
            let decision = try world.decision()
            var said = [decision.message] + decision.warnings + decision.auditAnnotations.map(\.value)
            said += decision.causes.flatMap { [$0.message, $0.field] }
            said += decision.findings.flatMap { [$0.finding.choice ?? "", $0.change.block, $0.change.line()] }
            for line in said { #expect(!line.contains(text), "\(line)") }
        }
    }

    @Test func `a second secret beside an existing one is new, in any order`() throws {
        let one = "export DB_PASSWORD=hunter2; exec app"
        let two = "export API_TOKEN=letmein1; export DB_PASSWORD=hunter2; exec app"
        let before = try world("containers: [{name: app, command: [sh, -c, '\(one)']}]")
        let after = try world("containers: [{name: app, command: [sh, -c, '\(two)']}]").object
        let findings = try findings(before.updated(to: try #require(after)))
        #expect(findings.map(\.effect) == [.warn, .deny] || findings.map(\.effect) == [.deny, .warn])
        // The rest of the script may change.
        let other = try world("containers: [{name: app, command: [sh, -c, '\(one) --fast']}]").object
        #expect(try self.findings(before.updated(to: try #require(other))).map(\.leniency) == [.existing])
    }

    @Test func `two private keys are compared by their whole text`() throws {
        func map(_ body: String) -> Literal {
            let key = "-----BEGIN RSA PRIVATE KEY-----\n\(body)\n-----END RSA PRIVATE KEY-----\n"
            return [
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "web", "namespace": "shop"],
                "data": ["tls.pem": .string("# the key\n" + key + "db.password=hunter2\n")],
            ]
        }
        let same = try findings(World(map("MIIEpAIBAAKCAQEA")).updated(to: map("MIIEpAIBAAKCAQEA")))
        #expect(same.allSatisfy { $0.leniency == .existing })
        let other = try findings(World(map("MIIEpAIBAAKCAQEA")).updated(to: map("MIIEpAIBAAKCAQEB")))
        #expect(other.map(\.effect).sorted { $0.rawValue < $1.rawValue } == [.deny, .warn])
        #expect(other.contains { $0.finding.message.hasSuffix("on line 5: password") })
        // Without line breaks, and base64-encoded.
        for (one, two) in [
            ("-----BEGIN PRIVATE KEY-----\\nMIIE1\\n", "-----BEGIN PRIVATE KEY-----\\nMIIE2\\n"),
            ("LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo/a+1", "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo/a+2"),
        ] {
            func world(_ key: String) throws -> World {
                try self.world("containers: [{name: app, env: [{name: TLS, value: '\(key)'}]}]")
            }
            let update = try findings(world(one).updated(to: try #require(world(two).object)))
            #expect(update.map(\.effect) == [.deny])
        }
    }

    @Test func `at most 20 secrets of a text are reported, and an added one is still new`() throws {
        func map(_ count: Int) -> Literal {
            let lines = (0..<count).map { "db\($0).password=hunter\($0)\n" }.joined()
            return [
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "web", "namespace": "shop"],
                "data": ["app.properties": .string(lines)],
            ]
        }
        #expect(try findings(World(map(20_000))).count == 20)
        let update = try findings(World(map(100)).updated(to: map(101)))
        #expect(update.count { $0.effect == .deny } == 1)
    }

    @Test(
        .timeLimit(.minutes(5)),
        arguments: [
            "token=", "://:", "token: ", "password=\"", "-----BEGIN ", "@", "a@", "Bearer ", "--token ", " ",
            "eyJ.eyJ.",
            "{\"password\":", "token = 'x", "=", "https://a:b", "x", "\\", "hooks.slack.com/services/", "<password>",
            "\n", "-----BEGIN PRIVATE KEY-----\n", "redis-cli -a ", "curl -u a:", "«redacted:", "@a.b/", "%40",
            "aHVudGVy/",
        ])
    func `a text of 1 MiB is searched in linear time`(_ piece: String) {
        // Quadratic time would take hours.
        let text = String(repeating: piece, count: 1 << 20 / piece.utf8.count)
        _ = NamedValue("DB_PASSWORD_NOTE", text).credential
        _ = SecretMask.masked(text)
    }

    @Test(.timeLimit(.minutes(5)), arguments: ["token_", "key", "signing_key_", "a", "_", "passwordMin"])
    func `a name of 1 MiB is searched in linear time, and its last words decide`(_ piece: String) throws {
        let name = String(repeating: piece, count: 1 << 20 / piece.utf8.count)
        #expect(NamedValue(name + "_PASSWORD", "hunter2").credential?.kind == .password)
        #expect(NamedValue("note", "\(name)_PASSWORD=hunter2").credential?.kind == .password)
        #expect(NamedValue(name + "_PASSWORD_MIN_LENGTH", "hunter2").credential == nil)
    }

    @Test func `each secret of a line has its own message`() throws {
        let map = try Literal(
            yaml: """
                apiVersion: v1
                kind: ConfigMap
                metadata: {name: shop, namespace: shop}
                data:
                  app.conf: |
                    # Connections
                    main=amqp://shop:gr4ssh0pper@a:5672 other=amqp://shop:b1rdc4ge@b:5672
                    last=amqp://shop:m00nbeam@c:5672
                """)
        let messages = try findings(World(map)).map(\.finding.message).filter { $0.contains("plain text") }
        #expect(
            Set(messages) == [
                "contains a secret in plain text on line 2: uri with password",
                "contains secret 2 in plain text on line 2: uri with password",
                "contains a secret in plain text on line 3: uri with password",
            ])
    }

    @Test func `a change of metadata alone reports no secrets in the spec`() throws {
        let before = try world("containers: [{name: app, env: [{name: DB_PASSWORD, value: hunter2}]}]")
        let object = try #require(before.object)
        let labelled = object.merging(["metadata": ["labels": ["team": "shop"]]])
        #expect(try findings(before.updated(to: labelled)).isEmpty)
        let annotated = object.merging(["metadata": ["annotations": ["api-key": "hunter2hunter2"]]])
        #expect(try findings(before.updated(to: annotated)).map(\.path) == ["metadata.annotations.api-key"])
    }
}
