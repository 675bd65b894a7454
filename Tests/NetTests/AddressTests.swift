import Glibc
import Net
import Testing

@Suite struct AddressTests {
    @Test(arguments: [
        (":8443", "[::]:8443", 8443), ("0.0.0.0:8443", "0.0.0.0:8443", 8443), ("[::]:8443", "[::]:8443", 8443),
        ("127.0.0.1:0", "127.0.0.1:0", 0), ("[::1]:65535", "[::1]:65535", 65535),
        ("[2001:db8:0:0::1]:1", "[2001:db8::1]:1", 1),
    ])
    func `an address is parsed and formatted`(text: String, written: String, port: UInt16) throws {
        let address = try Address(parsing: text)
        #expect(address.description == written)
        #expect(address.port == port)
    }

    @Test(arguments: [
        ("", "port"), ("8443", "port"), ("127.0.0.1", "port"), ("127.0.0.1:", "port is not a number"),
        ("127.0.0.1:65536", "port is not a number"), (":-1", "port is not a number"), (":+1", "port is not a number"),
        (": 1", "port is not a number"), ("localhost:1", "not an IP address"), ("1.2.3:1", "not an IP address"),
        ("256.0.0.1:1", "not an IP address"), ("::1:1", "brackets"), ("[::1:1", "brackets"),
        ("[1.2.3.4]:1", "not an IP address"), ("[]:1", "not an IP address"),
    ])
    func `an invalid address is rejected with the reason`(text: String, reason: String) throws {
        let error = try #require(throws: Address.Malformed.self) { try Address(parsing: text) }
        #expect(error.text == text)
        #expect(error.description.contains(reason))
    }

    @Test func `an address that is already in use is reported`() throws {
        let server = try RunningServer()
        let taken = server.server.addresses[1]
        let error = try #require(throws: SystemError.self) {
            try Server(
                configuration: ServerConfiguration(), listeners: [Listener(taken, name: "second")],
                responder: { _ in Responder(RunningServer.describe) })
        }
        #expect(error.call == "bind")
        #expect(error.description == "bind \(taken): Address already in use")
    }

    @Test(.enabled(if: Family.version6.isHere, "this machine has no ::1"), arguments: [":0", "[::]:0"])
    func `a wildcard address accepts IPv6 and IPv4`(text: String) throws {
        let server = try RunningServer(listening: text)
        for family in Family.allCases {
            let client = try Client(port: server.plainPort, over: family)
            try client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.reply().body == "GET /1 0")
        }
        let tls = ClientTLS(trusting: TestCertificates.authority.keyPair.certificate)
        for family in Family.allCases { _ = try Client(port: server.securePort, over: family, tls: tls) }
    }

    @Test(
        .enabled(if: Family.version6.isHere, "this machine has no ::1"),
        arguments: [("0.0.0.0:0", Family.version4), ("127.0.0.1:0", .version4), ("[::1]:0", .version6)])
    func `an address of one IP version cannot be reached over the other`(text: String, family: Family) throws {
        let server = try RunningServer(listening: text)
        for other in Family.allCases where other != family {
            #expect(throws: ClientError.cannotConnect(ECONNREFUSED)) { try Client(port: server.plainPort, over: other) }
        }
        let client = try Client(port: server.plainPort, over: family)
        try client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.reply().body == "GET /1 0")
    }
}
