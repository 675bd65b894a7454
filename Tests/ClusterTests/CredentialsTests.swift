import Cluster
import Foundation
import HTTP
import Net
import Testing

@Suite struct InClusterTests {
    @Test func `the environment variables and files of a Pod provide access`() throws {
        let folder = try TestFolder()
        try folder.write("namespace", "playbook\n")
        let access = try ClusterAccess.find(
            environment: ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443", "HOME": "/nowhere"],
            serviceAccount: folder.path)
        #expect(access.endpoint == Endpoint(host: "fd00::1", port: 443))
        #expect("\(access.endpoint)" == "[fd00::1]:443")
        #expect(access.namespace == "playbook")
        #expect(access.isSecure)
        let other = try ClusterAccess.inCluster(
            environment: ["KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT_HTTPS": "6443"],
            serviceAccount: folder.path)
        #expect(other.endpoint == Endpoint(host: "10.0.0.1", port: 6443))
    }

    @Test(arguments: [
        (["KUBERNETES_SERVICE_HOST": "10.0.0.1"], "environment: KUBERNETES_SERVICE_PORT_HTTPS: not a port number"),
        (
            ["KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "0"],
            "environment: KUBERNETES_SERVICE_PORT: not a port number"
        ),
        (
            [:],
            "no cluster is configured; run in a Pod with a service account, or name a kubeconfig file with --kubeconfig or KUBECONFIG"
        ),
        (
            ["HOME": "/nowhere"],
            "no cluster is configured; run in a Pod with a service account, or name a kubeconfig file with --kubeconfig or KUBECONFIG"
        ),
        (["KUBECONFIG": "/nowhere/config"], "open /nowhere/config: No such file or directory"),
    ])
    func `a missing variable or file is named in the error`(environment: [String: String], message: String) {
        let error = #expect(throws: CredentialsError.self) {
            try ClusterAccess.find(environment: environment, serviceAccount: "/nowhere")
        }
        #expect(error?.description == message)
    }

    @Test func `missing files are named when they are read`() throws {
        let server = try ScriptedAPIServer()
        let folder = try TestFolder()
        let access = try ClusterAccess.inCluster(
            environment: ["KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "\(server.port)"],
            serviceAccount: folder.path)
        let caller = try APICaller(access)
        #expect(
            try caller.send(APIRequest(.get, "/x")).error?.description
                == "open \(folder.path)/token: No such file or directory")
        try folder.write("token", " \n")
        #expect(
            try caller.send(APIRequest(.get, "/x")).error?.description
                == "\(folder.path)/token: the token is empty")
        try folder.write("token", "s3cret")
        try folder.write("ca.crt", "no PEM")
        #expect(
            try caller.send(APIRequest(.get, "/x")).error?.description
                == "the service account: reading a certificate: the text contains none")
        // With all files in place, it works without a restart.
        try folder.write("ca.crt", TestAuthorities.cluster.keyPair.certificate)
        #expect(try caller.send(APIRequest(.get, "/x")).text != nil)
    }
}

@Suite struct KubeconfigTests {
    private static let authority = TestAuthorities.cluster.keyPair.certificate

    private static func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }

    /// A kubeconfig for one server, with the given lines below the cluster and the user.
    private func config(_ port: UInt16, cluster: [String] = [], user: [String]) -> String {
        let authority = ["certificate-authority-data: \(Self.base64(Self.authority))"]
        return """
            apiVersion: v1
            kind: Config
            current-context: dev
            contexts:
            - name: dev
              context: {cluster: here, user: me, namespace: team}
            clusters:
            - name: here
              cluster:
                server: https://127.0.0.1:\(port)
            \((cluster.isEmpty ? authority : cluster).map { "    \($0)" }.joined(separator: "\n"))
            users:
            - name: me
              user:
            \((user.isEmpty ? ["{}"] : user).map { "    \($0)" }.joined(separator: "\n"))
            """
    }

    private func find(_ file: String, context: String? = nil, _ variables: [String: String] = [:]) throws
        -> ClusterAccess
    {
        // A kubeconfig that is set explicitly has priority over the service account.
        let environment = ["KUBECONFIG": file, "KUBERNETES_SERVICE_HOST": "10.0.0.1"].merging(variables) { $1 }
        return try ClusterAccess.find(environment: environment, context: context)
    }

    @Test func `a kubeconfig's token is sent`() throws {
        let server = try ScriptedAPIServer()
        server.allow(tokens: ["tok"])
        let folder = try TestFolder()
        let access = try find(folder.write("config", config(server.port, user: ["token: tok"])))
        #expect(access.namespace == "team")
        #expect(access.origin == "\(folder.path)/config, context dev")
        #expect(try APICaller(access).send(APIRequest(.get, "/x")).text != nil)
    }

    @Test func `relative file paths are resolved from the kubeconfig's directory`() throws {
        let server = try ScriptedAPIServer()
        server.allow(tokens: ["from-file"])
        let folder = try TestFolder()
        try folder.write("me.token", "from-file\n")
        try folder.write("ca.pem", Self.authority)
        let access = try find(
            folder.write(
                "config",
                config(
                    server.port, cluster: ["certificate-authority: ca.pem"],
                    user: ["tokenFile: me.token", "token: not-this-one"])))
        #expect(try APICaller(access).send(APIRequest(.get, "/x")).text != nil)
    }

    @Test func `a context with an empty user, as kubectl writes it, sends no credentials`() throws {
        let server = try ScriptedAPIServer()
        let folder = try TestFolder()
        let text = config(server.port, user: []).replacingOccurrences(of: "user: me", with: #"user: """#)
        #expect(try APICaller(find(folder.write("config", text))).send(APIRequest(.get, "/x")).text != nil)
    }

    @Test(arguments: [true, false])
    func `a kubeconfig's client certificate is presented`(inline: Bool) throws {
        let server = try ScriptedAPIServer(clientAuthority: TestAuthorities.other.keyPair.certificate)
        let pair = try TestAuthorities.other.pair(.client, name: "me")
        let folder = try TestFolder()
        try folder.write("me.crt", pair.certificate)
        try folder.write("me.key", pair.privateKey)
        let user =
            inline
            ? [
                "client-certificate-data: \(Self.base64(pair.certificate))",
                "client-key-data: \(Self.base64(pair.privateKey))",
            ] : ["client-certificate: me.crt", "client-key: me.key"]
        let access = try find(folder.write("config", config(server.port, user: user)))
        #expect(try APICaller(access).send(APIRequest(.get, "/x")).text != nil)
        let nobody = try find(folder.write("nobody", config(server.port, user: [])))
        let refusal = try #require(try APICaller(nobody).send(APIRequest(.get, "/x", attempts: 1)).error)
        #expect("\(refusal)".contains("certificate required"))
    }

    @Test func `a context is selected by name, and several kubeconfig files are merged`() throws {
        let folder = try TestFolder()
        let first = try folder.write("first", config(1, user: ["token: a"]))
        let second = try folder.write(
            "second",
            """
            current-context: not-this-one
            contexts:
            - {name: prod, context: {cluster: there, user: me}}
            - {name: dev, context: {cluster: there, user: me}}
            clusters:
            - {name: there, cluster: {server: "https://api.test/k8s/clusters/c-1/", tls-server-name: inner.test}}
            - {name: here, cluster: {server: "https://hidden.test"}}
            """)
        let files = "/nowhere/config:\(first):\(second)"
        #expect(try find(files).endpoint == Endpoint(host: "127.0.0.1", port: 1))
        let prod = try find(files, context: "prod")
        #expect(prod.endpoint == Endpoint(host: "api.test", port: 443, serverName: "inner.test"))
        #expect(prod.basePath == "/k8s/clusters/c-1")
        #expect(prod.namespace == nil)
    }

    @Test(arguments: [
        ("https://api.test", "api.test:443", true), ("https://api.test:6443/", "api.test:6443", true),
        ("https://[fd00::1]:6443", "[fd00::1]:6443", true), ("https://[fd00::1]", "[fd00::1]:443", true),
        ("http://127.0.0.1:8001", "127.0.0.1:8001", false),
    ])
    func `server URLs are parsed`(server: String, endpoint: String, isSecure: Bool) throws {
        let folder = try TestFolder()
        let text = config(1, user: []).replacingOccurrences(of: "https://127.0.0.1:1", with: "\"\(server)\"")
        let access = try find(folder.write("config", text))
        #expect("\(access.endpoint)" == endpoint)
        #expect(access.isSecure == isSecure)
    }

    @Test func `a token is not sent over plain HTTP`() throws {
        let folder = try TestFolder()
        // No server listens on the port: the error occurs before the client connects.
        let text = config(1, user: ["token: s3cret"]).replacingOccurrences(of: "https://", with: "http://")
        let access = try find(folder.write("config", text))
        let error = try #require(try APICaller(access).send(APIRequest(.get, "/x", attempts: 1)).error)
        #expect(error == .credentials(.notSecure(origin: "\(folder.path)/config, context dev")))
    }

    @Test(arguments: [
        ("https://127.0.0.1:1", "ftp://a", "clusters[here].cluster.server: must be https://HOST[:PORT][/PATH]"),
        ("https://127.0.0.1:1", "https://", "clusters[here].cluster.server: must be https://HOST[:PORT][/PATH]"),
        ("https://127.0.0.1:1", "https://a:b", "clusters[here].cluster.server: must be https://HOST[:PORT][/PATH]"),
        (
            "https://127.0.0.1:1", "https://u:s3cret@a",
            "clusters[here].cluster.server: must be https://HOST[:PORT][/PATH]"
        ),
        ("server: https://127.0.0.1:1", "x: y", "clusters[here].cluster.server: missing"),
        ("server: https://127.0.0.1:1", "server: 5", "clusters[here].cluster.server: must be a string"),
        ("cluster: here", "cluster: elsewhere", "clusters: no entry is named \"elsewhere\""),
        ("user: me", "user: you", "users: no entry is named \"you\""),
        ("current-context: dev", "", "current-context: no current context; name one with --context"),
        ("current-context: dev", "current-context: prod", "contexts: no entry is named \"prod\""),
        ("context: {", "contexts: {", "contexts[dev].context: missing"),
        ("token: s3cret", "token: [s3cret]", "users[me].user.token: must be a string"),
        (
            "token: s3cret", "client-key-data: s3cret!",
            "users[me].user.client-key-data: not base64"
        ),
        (
            "token: s3cret", "username: s3cret",
            "users[me].user.username: not supported; use a token, a client certificate or exec"
        ),
        (
            "token: s3cret", "as: admin",
            "users[me].user.as: not supported; use a token, a client certificate or exec"
        ),
        ("token: s3cret", "exec: {command: a}", "users[me].user.exec.apiVersion: missing"),
        (
            "token: s3cret", "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: a}",
            "users[me].user.exec.apiVersion: must be client.authentication.k8s.io/v1 or "
                + "client.authentication.k8s.io/v1beta1"
        ),
        (
            "token: s3cret", "exec: {apiVersion: client.authentication.k8s.io/v1}",
            "users[me].user.exec.command: missing"
        ),
        (
            "token: s3cret",
            "exec: {apiVersion: client.authentication.k8s.io/v1, command: a, interactiveMode: Always}",
            "users[me].user.exec.interactiveMode: interactive plugins are not supported"
        ),
        (
            "token: s3cret", "exec: {apiVersion: client.authentication.k8s.io/v1, command: a, env: [{name: b}]}",
            "users[me].user.exec.env: each entry must have a name and a value"
        ),
        (
            "server: https://127.0.0.1:1", "insecure-skip-tls-verify: true\n    server: https://a",
            "clusters[here].cluster.insecure-skip-tls-verify: not supported; set certificate-authority instead"
        ),
        (
            "server: https://127.0.0.1:1", "proxy-url: http://a\n    server: https://a",
            "clusters[here].cluster.proxy-url: proxies are not supported"
        ),
        ("kind: Config", "kind: [", "while parsing a flow sequence"),
    ])
    func `an error names the file and field, and contains no secrets`(
        text: String, instead: String, message: String
    ) throws {
        let folder = try TestFolder()
        let whole = config(1, user: ["token: s3cret"])
        try #require(whole.contains(text))
        let file = try folder.write("config", whole.replacingOccurrences(of: text, with: instead))
        let error = #expect(throws: CredentialsError.self) { try find(file) }
        let observed = error?.description ?? ""
        #expect(observed.hasPrefix("\(file): "))
        #expect(observed.hasSuffix(message))
        #expect(!observed.contains("s3cret"))
    }
}

@Suite struct CredentialPluginTests {
    /// Access with a kubeconfig whose credential plugin is a shell script that records each run.
    private func access(
        _ server: ScriptedAPIServer, in folder: TestFolder, _ script: String, version: String = "v1"
    ) throws -> ClusterAccess {
        // A symbolic link to the shell: a new file cannot be executed (ETXTBSY) while a process that another
        // test is starting holds a copy of its descriptor.
        let text = try folder.write("script", "echo run >> \(folder.path)/runs\n\(script)\n")
        symlink("/bin/sh", "\(folder.path)/plugin")
        try folder.write("ca.crt", TestAuthorities.cluster.keyPair.certificate)
        let file = try folder.write(
            "config",
            """
            current-context: eks
            contexts: [{name: eks, context: {cluster: eks, user: aws}}]
            clusters:
            - name: eks
              cluster: {server: "https://127.0.0.1:\(server.port)", certificate-authority: ca.crt}
            users:
            - name: aws
              user:
                exec:
                  apiVersion: client.authentication.k8s.io/\(version)
                  command: ./plugin
                  args: ["\(text)", --region, eu-central-1, eks, get-token, --cluster-name, "1"]
                  env: [{name: AWS_PROFILE, value: dev}]
                  interactiveMode: IfAvailable
                  provideClusterInfo: false
            """)
        return try ClusterAccess.find(environment: ["KUBECONFIG": file, "PATH": "/usr/bin:/bin"])
    }

    private func runs(_ folder: TestFolder) -> Int {
        let text = try? String(contentsOfFile: "\(folder.path)/runs", encoding: .utf8)
        return text?.split(separator: "\n").count ?? 0
    }

    private static func credential(_ status: String, version: String = "v1") -> String {
        #"echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/\#(version)","#
            + #""spec":{},"status":\#(status)}'"#
    }

    @Test(arguments: ["v1", "v1beta1"])
    func `a credential plugin's token is sent and cached`(version: String) throws {
        let server = try ScriptedAPIServer()
        server.allow(tokens: ["k8s-aws-v1.abc"])
        let folder = try TestFolder()
        let caller = try APICaller(
            access(
                server, in: folder,
                Self.credential(
                    #"{"token":"k8s-aws-v1.abc","expirationTimestamp":"2999-01-01T00:00:00Z"}"#, version: version),
                version: version))
        for _ in 0..<3 { #expect(try caller.send(APIRequest(.get, "/x")).text != nil) }
        #expect(runs(folder) == 1)
    }

    @Test func `a credential plugin receives its arguments, variables and KUBERNETES_EXEC_INFO`() throws {
        let server = try ScriptedAPIServer()
        let folder = try TestFolder()
        let script = """
            echo "$@ $AWS_PROFILE $KUBERNETES_EXEC_INFO" > \(folder.path)/seen
            \(Self.credential(#"{"token":"t"}"#))
            """
        #expect(try APICaller(access(server, in: folder, script)).send(APIRequest(.get, "/x")).text != nil)
        let seen = try String(contentsOfFile: "\(folder.path)/seen", encoding: .utf8)
        #expect(
            seen == "--region eu-central-1 eks get-token --cluster-name 1 dev "
                + #"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}"#
                + "\n")
    }

    @Test func `a credential plugin runs again for an expired or rejected token`() throws {
        let server = try ScriptedAPIServer()
        let folder = try TestFolder()
        let expired = Self.credential(#"{"token":"t","expirationTimestamp":"2001-01-01T00:00:00Z"}"#)
        let caller = try APICaller(access(server, in: folder, expired))
        for _ in 0..<2 { #expect(try caller.send(APIRequest(.get, "/x")).text != nil) }
        #expect(runs(folder) == 2)
        server.allow(tokens: ["other"])
        let other = try TestFolder()
        let refused = try APICaller(access(server, in: other, Self.credential(#"{"token":"t"}"#)))
        #expect(try refused.send(APIRequest(.get, "/x")).error != nil)
        #expect(runs(other) == 2)
    }

    @Test func `a credential plugin's client certificate is presented`() throws {
        let server = try ScriptedAPIServer(clientAuthority: TestAuthorities.other.keyPair.certificate)
        let pair = try TestAuthorities.other.pair(.client, name: "me")
        func escaped(_ text: String) -> String { text.replacingOccurrences(of: "\n", with: #"\n"#) }
        // `cat`, because `echo` interprets escapes in some shells.
        let folder = try TestFolder()
        try folder.write(
            "credential.json",
            #"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"#
                + #""clientCertificateData":"\#(escaped(pair.certificate))","clientKeyData":"\#(escaped(pair.privateKey))"}}"#
        )
        let access = try access(server, in: folder, "cat \(folder.path)/credential.json")
        #expect(try APICaller(access).send(APIRequest(.get, "/x")).text != nil)
    }

    @Test(arguments: [
        (
            "echo 'Unable to locate credentials' >&2; exit 253",
            "it exited with status 253: Unable to locate credentials"
        ),
        ("echo s3cret", "its output is not JSON"), ("echo '{}'", "it printed no ExecCredential"),
        (
            credential(#"{"token":"s3cret"}"#, version: "v1beta1"),
            "its ExecCredential does not have apiVersion client.authentication.k8s.io/v1"
        ),
        (credential("{}"), "its ExecCredential has no token and no client certificate with key"),
        (
            credential(#"{"token":"s3cret","expirationTimestamp":"soon"}"#),
            "its expirationTimestamp is not an RFC 3339 time"
        ),
        ("sleep 20", "Connection timed out"),
    ])
    func `the error of a credential plugin has the reason but not its output`(script: String, reason: String) throws {
        let server = try ScriptedAPIServer()
        let folder = try TestFolder()
        var options = Follower.apiOptions
        options.pluginLimit = script.hasPrefix("sleep") ? .milliseconds(100) : .seconds(10)
        let error = try #require(
            try APICaller(access(server, in: folder, script), options).send(APIRequest(.get, "/x")).error)
        #expect("\(error)".hasPrefix("credential plugin \(folder.path)/./plugin: "))
        #expect("\(error)".hasSuffix(reason))
        #expect(!"\(error)".contains("s3cret"))
        #expect(server.requests.isEmpty)
    }

    @Test func `a credential plugin that failed does not run again for each call`() throws {
        let server = try ScriptedAPIServer()
        let folder = try TestFolder()
        var options = Follower.apiOptions
        options.backoff = Backoff(first: .seconds(60))
        let caller = try APICaller(access(server, in: folder, "exit 1"), options)
        let errors = try (0..<20).map { _ in try caller.send(APIRequest(.get, "/x")).error }
        #expect(errors.allSatisfy { $0 != nil && $0 == errors[0] })
        #expect(runs(folder) == 1)
    }

    @Test func `concurrent calls share one run of the credential plugin`() throws {
        let server = try ScriptedAPIServer()
        let folder = try TestFolder()
        let caller = try APICaller(access(server, in: folder, "sleep 0.2\n" + Self.credential(#"{"token":"t"}"#)))
        let observed = Observed()
        for _ in 0..<5 {
            caller.perform { client in
                client.send(APIRequest(.get, "/x")) { result in
                    observed.change { $0.syncs += result.text == nil ? 0 : 1 }
                }
            }
        }
        #expect(eventually { observed.syncs == 5 })
        #expect(runs(folder) == 1)
    }
}
