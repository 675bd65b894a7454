import COpenSSL
import HTTP
import Net
import Testing

@Suite struct TLSTests {
    @Test(arguments: [(TLS1_2_VERSION, "TLSv1.2"), (TLS1_3_VERSION, "TLSv1.3")])
    func `TLS 1 dot 2 and 1 dot 3 are supported`(version: Int32, name: String) throws {
        let server = try RunningServer()
        let client = try server.secureClient { $0.versions = version...version }
        #expect(client.version == name)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.reply().body == "GET / 0")
        #expect(server.status.counts.handshakes == 1)
        // Forward secrecy and authenticated encryption.
        #expect(client.cipher.hasPrefix("ECDHE-ECDSA-AES") || client.cipher.hasPrefix("TLS_AES_"))
        #expect(client.cipher.contains("GCM"))
    }

    @Test func `TLS 1 dot 1 is rejected`() throws {
        let server = try RunningServer()
        let error = #expect(throws: ClientError.self) {
            try server.secureClient { $0.versions = TLS1_1_VERSION...TLS1_1_VERSION }
        }
        #expect(error == .handshakeFailed("tlsv1 alert protocol version"))
        #expect(eventually { server.status.counts.handshakeFailures[.version] == 1 })
    }

    @Test func `a handshake can arrive byte by byte`() throws {
        let server = try RunningServer()
        let client = try Client(port: server.securePort)
        for byte in try Client.hello() { try client.send([byte]) }
        // RFC 8446 5.1: a record of the handshake; 4.1.3: the ServerHello, message type 2.
        let answer = try client.receive()
        #expect(answer.starts(with: [0x16, 0x03, 0x03]))
        #expect(answer.dropFirst(5).first == 2)
    }

    @Test(arguments: [1, 4, 5, 100])
    func `a connection closes when the client disconnects within its first message`(count: Int) throws {
        let server = try RunningServer()
        let client = try Client(port: server.securePort)
        try client.send(Array(Client.hello().prefix(count)))
        client.finishSending()
        #expect(try client.isAtEnd())
        #expect(eventually { server.status.counts.handshakeFailures[.closed] == 1 })
    }

    @Test func `plain HTTP on the TLS port is not answered`() throws {
        let server = try RunningServer()
        let client = try Client(port: server.securePort)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try? client.receive()
        #expect(eventually { server.status.counts.handshakeFailures[.notTLS] == 1 })
        #expect(server.status.counts.requests == 0)
    }

    @Test(arguments: [
        (["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"), (["http/1.0", "http/1.1", "h2"], "http/1.1"),
        ([], ""),
    ])
    func `HTTP 1 dot 1 is selected from the protocols that a client offers`(offered: [String], chosen: String) throws {
        let server = try RunningServer()
        let client = try server.secureClient { $0.protocols = offered }
        #expect(client.applicationProtocol == chosen)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.reply().status == 200)
    }

    @Test(arguments: [["h2"], ["http/1.0", "spdy/3"]])
    func `a client that offers only other protocols is rejected`(offered: [String]) throws {
        let server = try RunningServer()
        let error = #expect(throws: ClientError.self) { try server.secureClient { $0.protocols = offered } }
        #expect(error == .handshakeFailed("tlsv1 alert no application protocol"))
        #expect(eventually { server.status.counts.handshakeFailures[.applicationProtocol] == 1 })
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION], [1, 2])
    func `a session is resumed`(version: Int32, loops: Int) throws {
        let server = try RunningServer { $0.loops = loops }
        let first = try server.secureClient { $0.versions = version...version }
        try first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try first.reply().status == 200)
        #expect(!first.isResumed)
        let session = try #require(first.resumable)
        for _ in 0..<4 {
            let again = try server.secureClient {
                $0.versions = version...version
                $0.session = session
            }
            #expect(again.isResumed)
            try again.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try again.reply().status == 200)
        }
    }
}

@Suite struct ClientCertificateTests {
    static let known = TestCertificates.issue(
        by: TestCertificates.clientAuthority, "kube-apiserver", dnsNames: ["api.test"], usage: .client)
    static let stranger = TestCertificates.issue(by: TestCertificates.authority, "kube-apiserver", usage: .client)
    static let expired = TestCertificates.issue(
        by: TestCertificates.clientAuthority, "kube-apiserver", usage: .client,
        notAfter: TestCertificates.notBefore + 60)
    static let serverOnly = TestCertificates.issue(
        by: TestCertificates.clientAuthority, "kube-apiserver", usage: .server)

    /// Sends a request with a client certificate; nil without a response.
    private func ask(_ server: RunningServer, with pair: KeyPair?, version: Int32) throws -> Reply? {
        do {
            let client = try server.secureClient {
                $0.versions = version...version
                $0.certificate = pair?.certificate
                $0.privateKey = pair?.privateKey
            }
            // In TLS 1.3, a client finishes its handshake before the server verifies its certificate.
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            return try client.reply()
        } catch is ClientError {
            return nil
        }
    }

    @Test(arguments: [[], ["kube-apiserver"], ["other", "api.test"]], [TLS1_2_VERSION, TLS1_3_VERSION])
    func `an allowed client is served`(allowed: [String], version: Int32) throws {
        let server = try RunningServer(
            clientCAs: TestCertificates.clientAuthority.keyPair.certificate, allowedClients: allowed)
        #expect(try ask(server, with: Self.known, version: version)?.status == 200)
    }

    @Test(
        arguments: [
            (nil, [], HandshakeFailure.noClientCertificate), (stranger, [], .clientCertificate),
            (expired, [], .clientCertificate), (serverOnly, [], .clientCertificate),
            (known, ["kube-apiserver.evil", "apiserver", "Kube-Apiserver"], .clientCertificate),
        ] as [(KeyPair?, [String], HandshakeFailure)], [TLS1_2_VERSION, TLS1_3_VERSION])
    func `a client without an allowed certificate gets no response`(
        client: (pair: KeyPair?, allowed: [String], reason: HandshakeFailure), version: Int32
    ) throws {
        let server = try RunningServer(
            clientCAs: TestCertificates.clientAuthority.keyPair.certificate, allowedClients: client.allowed)
        #expect(try ask(server, with: client.pair, version: version) == nil)
        #expect(eventually { server.status.counts.handshakeFailures[client.reason] == 1 })
        #expect(server.status.counts.requests == 0)
        #expect(server.status.counts.handshakes == 0)
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `a client's session can be resumed`(version: Int32) throws {
        let server = try RunningServer(clientCAs: TestCertificates.clientAuthority.keyPair.certificate)
        var session: ClientTLS.Session?
        for round in 0..<2 {
            let client = try server.secureClient {
                $0.versions = version...version
                $0.certificate = Self.known.certificate
                $0.privateKey = Self.known.privateKey
                $0.session = session
            }
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.reply().status == 200)
            #expect(client.isResumed == (round == 1))
            session = client.resumable
        }
    }
}
