import Net
import Testing

@Suite struct CertificateTests {
    private let authority = TestCertificates.authority

    private func describe(_ pair: KeyPair) throws -> CertificateDescription {
        try #require(CertificateDescription.certificates(inPEM: Array(pair.certificate.utf8)).first)
    }

    private func request(
        _ name: String = "a", dnsNames: [String] = [], ipAddresses: [String] = []
    ) -> CertificateRequest {
        CertificateRequest(
            commonName: name, dnsNames: dnsNames, ipAddresses: ipAddresses, usage: .server,
            notBefore: 1_700_000_000, notAfter: 1_800_000_000)
    }

    @Test func `the description of a CA certificate has its subject, validity and key type`() throws {
        let made = try CertificateAuthority(named: "playbook CA", notBefore: 1_700_000_000, notAfter: 4_000_000_000)
        let description = try describe(made.keyPair)
        #expect(description.subject == "CN=playbook CA")
        #expect(description.issuer == "CN=playbook CA")
        #expect(description.isCA)
        #expect(description.keyType == "EC P-256")
        // 4,000,000,000 is after 2049, from which on certificates use GeneralizedTime (RFC 5280 4.1.2.5).
        #expect(description.notBefore == 1_700_000_000)
        #expect(description.notAfter == 4_000_000_000)
    }

    @Test func `an issued certificate has the requested fields`() throws {
        let pair = try authority.issue(
            request(
                "playbook.playbook.svc", dnsNames: ["playbook.playbook.svc", "*.example.org"],
                ipAddresses: ["10.0.0.1", "2001:db8::1"]))
        let description = try describe(pair)
        #expect(description.subject == "CN=playbook.playbook.svc")
        #expect(description.issuer == "CN=tests")
        #expect(description.dnsNames == ["playbook.playbook.svc", "*.example.org"])
        #expect(description.ipAddresses == ["10.0.0.1", "2001:db8::1"])
        #expect(description.notBefore == 1_700_000_000)
        #expect(description.notAfter == 1_800_000_000)
        #expect(!description.isCA)
        #expect(pair.privateKey.hasPrefix("-----BEGIN PRIVATE KEY-----"))
    }

    private func problem(
        _ dnsNames: [String], _ ipAddresses: [String] = [], usage: CertificateRequest.Usage = .server,
        for name: String?, at now: Int64 = 1_750_000_000
    ) throws -> CertificateProblem? {
        var request = request("playbook.playbook.svc", dnsNames: dnsNames, ipAddresses: ipAddresses)
        request.usage = usage
        return try describe(authority.issue(request)).problem(for: name, at: now)
    }

    @Test(arguments: [
        ["playbook.playbook.svc"], ["other", "PLAYBOOK.playbook.svc"], ["*.playbook.svc"],
        ["playbook.playbook.svc.cluster.local", "playbook.playbook.svc"],
    ])
    func `a certificate with the Service's name is accepted`(names: [String]) throws {
        #expect(try problem(names, for: "playbook.playbook.svc") == nil)
    }

    @Test(arguments: [
        ["playbook"], ["playbook.playbook.svc.cluster.local"], ["*.svc"], ["*.*.svc"], ["*"], ["playbook.*.svc"],
        ["p*.playbook.svc"], ["*.playbook.playbook.svc"],
    ])
    func `a certificate without the Service's name is rejected`(names: [String]) throws {
        #expect(
            try problem(names, ["10.0.0.1"], for: "playbook.playbook.svc")
                == .otherNames(than: "playbook.playbook.svc"))
        #expect(try problem(names, for: nil) == nil)
    }

    @Test func `a certificate needs an alternative name, and the common name is not enough`() throws {
        #expect(try problem([], for: "playbook.playbook.svc") == .noNames)
        #expect(try problem([], for: nil) == .noNames)
        #expect(try problem([], ["10.0.0.1"], for: nil) == nil)
        #expect(
            try problem([], ["10.0.0.1"], for: "playbook.playbook.svc") == .otherNames(than: "playbook.playbook.svc"))
    }

    @Test func `a certificate for clients only is rejected`() throws {
        #expect(try problem(["a"], usage: .client, for: "a") == .notForServers)
        // Without an extended key usage, a certificate is valid for every use, such as a CA certificate.
        #expect(try problem(["a"], usage: .certificateAuthority, for: "a") == nil)
    }

    @Test(
        arguments: [
            (1_699_999_999, .notYetValid), (1_700_000_000, nil), (1_799_999_999, nil), (1_800_000_000, .expired),
        ] as [(Int64, CertificateProblem?)])
    func `a certificate is rejected outside its validity period`(now: Int64, problem: CertificateProblem?) throws {
        #expect(try self.problem(["a"], for: "a", at: now) == problem)
    }

    @Test func `each certificate has a different serial number`() throws {
        let serials = try (0..<5).map { _ in try describe(authority.issue(request())).serial }
        #expect(Set(serials).count == 5)
    }

    @Test func `a name with a comma stays one name`() throws {
        let pair = try authority.issue(request("a,CN=b"))
        #expect(try describe(pair).subject == #"CN=a\,CN=b"#)
    }

    @Test(arguments: ["a,DNS:b", "", "a b", "a\n", "a;b", "é"])
    func `an invalid DNS name is rejected`(name: String) {
        #expect(throws: TLSError.self) { try authority.issue(request(dnsNames: [name])) }
    }

    @Test(arguments: ["", "10.0.0", "10.0.0.1,DNS:b", "[::1]", "::1]:0", "localhost"])
    func `an invalid IP address is rejected`(address: String) {
        #expect(throws: TLSError.self) { try authority.issue(request(ipAddresses: [address])) }
    }

    @Test func `a common name longer than X 520 allows is rejected`() throws {
        #expect(throws: TLSError.self) { try authority.issue(request(String(repeating: "x", count: 65))) }
        #expect(throws: Never.self) { try authority.issue(request(String(repeating: "x", count: 64))) }
    }

    @Test func `every certificate in a PEM text is described`() throws {
        let pair = try authority.issue(request())
        let text = "a comment\n" + pair.certificate + "\n" + authority.keyPair.certificate
        let names = try CertificateDescription.certificates(inPEM: Array(text.utf8)).map(\.subject)
        #expect(names == ["CN=a", "CN=tests"])
    }

    @Test(arguments: ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
    func `a text without certificates is rejected`(text: String) {
        #expect(throws: TLSError.self) { try CertificateDescription.certificates(inPEM: Array(text.utf8)) }
    }

    @Test func `an encrypted key is rejected without a password prompt`() throws {
        // The password is "secret"; PKCS #8 with PBES2.
        let encrypted = """
            -----BEGIN ENCRYPTED PRIVATE KEY-----
            MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhxtSP3b3hMkgICCAAw
            DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEEaihcP1vt6X8dffWjQ/MukEgZBt
            yPnl8sVcfOcxS1SruB2Fx72UvMOk37IqYAu/h87KEK187gLi90LNy7E0SgQXLELE
            R0wf2C6gtRw2row1mMLHPKYhNicTVZmPLQ2qZgbaii/OBGmUcff1zCz9O2Bg3xLd
            XRGQdrtkqwXt7SJ+09vqUdgINq+zeTfNBvo1Ih0Oa1a7gR6KqHpwaZ2PEyaTTX0=
            -----END ENCRYPTED PRIVATE KEY-----

            """
        let folder = try CertificateFolder()
        try folder.replace(
            with: KeyPair(certificate: TestCertificates.server.certificate, privateKey: encrypted))
        let error = #expect(throws: CertificateError.self) { try Certificates(files: folder.files()) }
        guard case .unusable(_, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.task == "reading a private key")
    }
}
