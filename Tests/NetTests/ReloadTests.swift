import COpenSSL
import Foundation
import HTTP
import Net
import Testing

@Suite struct ReloadTests {
    static let renewed = TestCertificates.issue(by: TestCertificates.authority, "renewed.test", usage: .server)

    private func isServed(_ client: Client) throws -> Bool {
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        return try client.reply().status == 200
    }

    @Test func `new connections use the new certificate and existing ones stay open`() throws {
        let server = try RunningServer()
        let before = try server.secureClient()
        #expect(before.serverCommonName == "server.test")
        try server.folder.replace(with: Self.renewed)
        server.server.reloadCertificates()
        let after = try server.secureClient()
        #expect(after.serverCommonName == "renewed.test")
        #expect(try isServed(before))
        #expect(try isServed(after))
        #expect(server.certificates.current?.subject == "CN=renewed.test")
        #expect(server.certificates.current?.notAfter == TestCertificates.notAfter)
        #expect(server.certificates.reloads == 1)
        #expect(server.reported.contains { $0.contains("certificateReplaced") })
    }

    @Test func `certificate files are reloaded periodically`() throws {
        let server = try RunningServer { $0.certificateInterval = .milliseconds(20) }
        try server.folder.replace(with: Self.renewed)
        #expect(eventually { server.certificates.current?.subject == "CN=renewed.test" })
        #expect(try server.secureClient().serverCommonName == "renewed.test")
    }

    @Test(arguments: [
        KeyPair(certificate: renewed.certificate, privateKey: TestCertificates.server.privateKey),
        KeyPair(certificate: "", privateKey: renewed.privateKey),
        KeyPair(certificate: renewed.certificate, privateKey: "no key"),
        KeyPair(certificate: String(renewed.certificate.prefix(200)), privateKey: renewed.privateKey),
        KeyPair(certificate: renewed.certificate + "-----BEGIN CERTIFICATE-----\n", privateKey: renewed.privateKey),
    ])
    func `an invalid certificate and key are rejected, and the current ones stay in use`(bad: KeyPair) throws {
        let server = try RunningServer()
        let before = try server.secureClient()
        try server.folder.replace(with: bad)
        for _ in 0..<3 { server.server.reloadCertificates() }
        #expect(server.certificates.refusals == 1)
        #expect(server.certificates.reloads == 0)
        #expect(server.reported.count { $0.contains("certificateRefused") } == 1)
        #expect(try isServed(before))
        #expect(try server.secureClient().serverCommonName == "server.test")
        try server.folder.replace(with: Self.renewed)
        server.server.reloadCertificates()
        #expect(try server.secureClient().serverCommonName == "renewed.test")
    }

    @Test func `a missing file is reported, and its return is detected`() throws {
        let folder = try CertificateFolder()
        let certificates = try Certificates(files: folder.files())
        let away = "\(folder.path)/away"
        rename("\(folder.path)/data", away)
        guard case .refused(.unreadable(let error)) = certificates.reload() else {
            Issue.record("a missing file must be refused")
            return
        }
        #expect(error == SystemError(call: "open", code: ENOENT, context: "\(folder.path)/tls.crt"))
        #expect(certificates.reload() == .unchanged)
        rename(away, "\(folder.path)/data")
        #expect(certificates.reload() == .replaced(try #require(certificates.current)))
        #expect(certificates.reload() == .unchanged)
    }

    @Test func `an expired certificate is used with a warning`() throws {
        let server = try RunningServer()
        try server.folder.replace(
            with: TestCertificates.issue(
                by: TestCertificates.authority, "expired.test", usage: .server,
                notAfter: TestCertificates.notBefore + 60))
        server.server.reloadCertificates()
        #expect(server.certificates.current?.subject == "CN=expired.test")
        for _ in 0..<3 { server.server.reloadCertificates() }
        let reports = server.reported.filter { $0.contains("certificateProblem") }
        #expect(reports.count == 1 && reports[0].contains("expired"))
        try server.folder.replace(with: Self.renewed)
        for _ in 0..<3 { server.server.reloadCertificates() }
        #expect(server.reported.count { $0.contains("certificateProblem") } == 2)
        #expect(server.reported.last?.hasSuffix("nil)") == true)
    }

    @Test func `a key of another type is rejected, and the error names both types`() throws {
        let folder = try CertificateFolder(
            KeyPair(certificate: TestCertificates.server.certificate, privateKey: try ed25519Key()))
        let error = #expect(throws: CertificateError.self) { try Certificates(files: folder.files()) }
        #expect(
            "\(try #require(error))".contains("the key (Ed25519) does not belong to the certificate (EC P-256)"))
    }

    private func ed25519Key() throws -> String {
        let context = try #require(EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil))
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        try #require(EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_generate(context, &key) == 1)
        defer { EVP_PKEY_free(key) }
        let memory = try #require(BIO_new(BIO_s_mem()))
        defer { BIO_free(memory) }
        try #require(PEM_write_bio_PrivateKey(memory, key, nil, nil, 0, nil, nil) == 1)
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = BIO_read(memory, &bytes, Int32(bytes.count))
        return String(decoding: bytes.prefix(Int(max(0, count))), as: UTF8.self)
    }

    @Test func `the certificate chain is sent`() throws {
        // The client trusts only the other CA, whose certificate follows the server's, as an intermediate would.
        let server = try RunningServer()
        let pair = TestCertificates.issue(by: TestCertificates.clientAuthority, "chained.test", usage: .server)
        let authority = TestCertificates.clientAuthority.keyPair.certificate
        try server.folder.replace(
            with: KeyPair(certificate: pair.certificate + authority, privateKey: pair.privateKey))
        server.server.reloadCertificates()
        let client = try server.secureClient { $0.authority = authority }
        #expect(client.serverCommonName == "chained.test")
        #expect(client.serverChainCount == 2)
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `a connection closes after its next response if its client CA was removed`(version: Int32) throws {
        let authorities = TestCertificates.clientAuthority.keyPair.certificate
        let server = try RunningServer(clientCAs: authorities)
        func client() throws -> Client {
            try server.secureClient {
                $0.versions = version...version
                $0.certificate = ClientCertificateTests.known.certificate
                $0.privateKey = ClientCertificateTests.known.privateKey
            }
        }
        let clients = try [client(), client()]
        for client in clients { #expect(try isServed(client)) }
        // Another server certificate with the same client CAs closes no connections.
        try server.folder.replace(with: Self.renewed, clientCAs: authorities)
        server.server.reloadCertificates()
        for client in clients { #expect(try isServed(client)) }
        try server.folder.replace(
            with: TestCertificates.server, clientCAs: TestCertificates.authority.keyPair.certificate)
        server.server.reloadCertificates()
        try clients[0].send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
        // Requests after the next one are not answered.
        try clients[1].send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        for client in clients {
            let reply = try client.reply()
            #expect(reply.body == "GET /1 0" && reply.headers["connection"] == "close")
            #expect(try client.isAtEnd())
        }
        #expect(throws: ClientError.self) { try isServed(client()) }
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `a client whose CA was removed cannot resume its session`(version: Int32) throws {
        let server = try RunningServer(clientCAs: TestCertificates.clientAuthority.keyPair.certificate)
        let pair = ClientCertificateTests.known
        let adjust = { (tls: inout ClientTLS) in
            tls.versions = version...version
            tls.certificate = pair.certificate
            tls.privateKey = pair.privateKey
        }
        let first = try server.secureClient(adjust)
        #expect(try isServed(first))
        let session = first.resumable
        try server.folder.replace(
            with: TestCertificates.server, clientCAs: TestCertificates.authority.keyPair.certificate)
        server.server.reloadCertificates()
        #expect(throws: ClientError.self) {
            let again = try server.secureClient {
                adjust(&$0)
                $0.session = session
            }
            _ = try isServed(again)
        }
        #expect(server.status.counts.requests == 1)
        #expect(try isServed(first))
    }

    @Test func `unreadable client CAs are rejected at every attempt`() throws {
        let folder = try CertificateFolder(clientCAs: "no PEM")
        // Repeated, because a double free is detected only when the memory is reused.
        for _ in 0..<50 {
            let error = #expect(throws: CertificateError.self) { try Certificates(files: folder.files()) }
            #expect(error?.description.contains("the text contains none") == true)
        }
    }

    @Test func `no certificate is served until one is installed, and an invalid one does not replace it`() throws {
        let certificates = Certificates(awaitedFrom: "the Secret a/b", clientCAs: nil)
        #expect(certificates.current == nil)
        #expect(certificates.reload() == .unchanged)
        #expect(certificates.install(TestCertificates.server) == .replaced(try #require(certificates.current)))
        #expect(certificates.current?.subject == "CN=server.test")
        #expect(certificates.install(TestCertificates.server) == .unchanged)
        let bad = KeyPair(
            certificate: Self.renewed.certificate, privateKey: TestCertificates.server.privateKey)
        guard case .refused(let error) = certificates.install(bad) else {
            Issue.record("a key of another certificate must be refused")
            return
        }
        #expect(error.description.hasPrefix("certificate in the Secret a/b: "))
        #expect(certificates.install(bad) == .unchanged)
        #expect(certificates.reload() == .unchanged)
        #expect(certificates.current?.subject == "CN=server.test")
        #expect(certificates.install(Self.renewed) == .replaced(try #require(certificates.current)))
        #expect(certificates.current?.subject == "CN=renewed.test")
        #expect(certificates.reloads == 2)
        #expect(certificates.refusals == 1)
    }

    @Test func `the description of a key pair does not contain the key`() {
        let pair = TestCertificates.server
        var dumped = ""
        dump(pair, to: &dumped)
        for text in ["\(pair)", String(reflecting: pair), String(reflecting: [pair]), dumped] {
            #expect(!text.contains("PRIVATE KEY"))
        }
    }
}
