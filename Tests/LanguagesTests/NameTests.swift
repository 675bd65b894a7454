import Languages
import Testing

/// IP address blocks in CIDR notation.
@Suite struct AddressBlockTests {
    @Test(
        arguments: [
            ("0.0.0.0/0", true), ("128.0.0.0/1", true), ("10.0.0.0/7", true), ("10.0.0.0/8", false), ("::/0", true),
            ("2000::/3", true), ("fd00::/8", false), ("000.0.0.0/00", true), (" 0.0.0.0/0\t", true),
            (" 10.0.0.0/8", false), ("::ffff:0.0.0.0/96", true), ("0:0:0:0:0:FFFF::/96", true),
            ("::ffff:128.0.0.0/97", true), ("::ffff:0:0/103", true), ("::ffff:0:0/104", false), ("::/80", true),
            ("::/96", false), ("2001:db8::/80", false), ("::fffe:0:0/96", false), ("fe80::/10", false),
        ])
    func `an IPv4 prefix shorter than 8 bits counts as everywhere`(_ text: String, _ isEverywhere: Bool) throws {
        #expect(try #require(AddressBlock(text)).isEverywhere == isEverywhere)
    }

    @Test(
        arguments: [
            "", "/", "10.0.0.0", "10.0.0/8", "10.0.0.0/33", "10.0.0.256/8", "::/129", "x/8", "10.0.0.0/8/9",
            "10.0.0.0/-1", "10.0.0.0/+8", "g::/8", "1 0.0.0.0/8", "10.0.0.0 /8", "10.0.0.0./8", "10.0.0.0.0/8",
            "10..0.0/8", "/8", "dead/8", "1::2::3/8", "1:2:3/8", "1:2:3:4:5:6:7:8:9/8",
            "1:2:3:4:5:6:7:8::/8", ":1:2:3:4:5:6:7/8", "12345::/8", "1:2:3:4:5:6:7:/8", "::1.2.3/96", "1.2.3.4::/8",
            ":::/8", "1:2:3:4:5:6:7:1.2.3.4/96",
            "10.0.0.0/00008", "::/0\u{301}",
        ])
    func `invalid address blocks are rejected`(_ text: String) { #expect(AddressBlock(text) == nil) }

    @Test(
        arguments: [
            ("10.0.17.0/24", 19, "10.0.0.0/19"), ("10.0.40.0/19", 24, "10.0.40.0/24"), ("10.1.2.3/32", 0, "0.0.0.0/0"),
            ("255.255.255.255/32", 32, "255.255.255.255/32"), ("fd00::/8", 24, nil), ("10.0.0.0/8", 33, nil),
        ] as [(String, Int, String?)])
    func `an IPv4 block is resized to another prefix length`(_ text: String, _ length: Int, _ other: String?) throws {
        #expect(try #require(AddressBlock(text)).resized(to: length) == other)
    }
}

@Suite struct DomainNameTests {
    @Test(
        arguments: [
            ("superinc.com", true), ("www.superinc.com", true), ("a.b.superinc.com", true), ("WWW.SuperInc.COM", true),
            ("superinc.com.", true), ("*.superinc.com", true), ("_dmarc.superinc.com", true),
            ("bücher.superinc.com", true),
            ("evilsuperinc.com", false), ("superinc.com.evil.com", false), ("com", false), ("*.com", false),
            ("*superinc.com", false), ("", false), (".", false), ("a..superinc.com", false),
            ("a b.superinc.com", false),
            ("evil.com/.superinc.com", false), ("a.*.superinc.com", false), ("superinc.com..", false),
            // Swift lowercases this letter to an ASCII `i`, but in DNS it is another label.
            ("super\u{130}nc.com", false),
        ])
    func `a name is within a zone by whole labels`(_ name: String, _ isWithin: Bool) {
        #expect(DomainName(name).isWithin(DomainName("superinc.com")) == isWithin)
        #expect(DomainName(name).isWithin(DomainName("SUPERINC.com.")) == isWithin)
        let isContained = DomainName("superinc.com").contains(name.utf8.span)
        #expect(isContained == isWithin)
    }

    @Test(arguments: [
        ("WWW.SuperInc.COM.", "www.superinc.com"), ("www.superinc.com", "www.superinc.com"), ("a..b.", "a..b"),
        ("", ""), (".", ""),
        ("BÜcher.de", "bÜcher.de"),
    ])
    func `the canonical name is in lower case without a trailing dot`(_ text: String, _ canonical: String) {
        #expect(DomainName.canonical(text) == canonical)
        #expect(DomainName(text).description == canonical)
    }

    @Test func `no name is within an empty zone`() {
        for zone in ["", "."] {
            #expect(!DomainName("superinc.com").isWithin(DomainName(zone)))
            let contains = DomainName(zone).contains("superinc.com".utf8.span)
            #expect(!contains)
        }
    }

    @Test(
        arguments: [
            ("superinc.com", true), ("SuperInc.COM.", true), ("www.superinc.com", false), ("com", false), ("", false),
            ("xsuperinc.com", false), (".superinc.com", false), ("superinc.com..", false),
        ])
    func `a name is the zone itself if all labels are equal`(_ name: String, _ isSame: Bool) {
        let answer = DomainName("superinc.com").isSame(as: name.utf8.span)
        #expect(answer == isSame)
    }

    @Test func `a text that is too long for a name is truncated, and is within no zone`() {
        let name = DomainName(String(repeating: "a.", count: 1_000) + "superinc.com")
        #expect(name.description.utf8.count < 300)
        #expect(!name.isWithin(DomainName("superinc.com")))
    }
}

/// The `match` expressions of Traefik's routes.
@Suite struct TraefikRuleTests {
    private func hosts(_ text: String) -> [String]? {
        guard let rule = TraefikRule(text) else { return nil }
        var values: [String] = []
        rule.forEachValue(of: [.host, .serverName]) { values.append(String(decoding: $0, as: UTF8.self)) }
        return values
    }

    @Test(
        arguments: [
            ("Host(`a.com`)", ["a.com"]), ("Host(`a.com`) && PathPrefix(`/admin`)", ["a.com"]),
            ("Host(`a.com`, `b.com`)", ["a.com", "b.com"]), ("Host(\"a.com\")||Host(`b.com`)", ["a.com", "b.com"]),
            ("HOST(`a.com`)", ["a.com"]), ("host ( `a.com` )", ["a.com"]), ("HostSNI(`*`)", ["*"]),
            ("(Host(`a.com`) && (Path(`/x`) || Path(`/y`)))", ["a.com"]), ("PathPrefix(`/`)", []),
            ("HostRegexp(`^.+\\.a\\.com$`)", []), ("Host()", []), ("\n\tHost(`a.com`)\n", ["a.com"]),
            // A negated matcher names hosts that the rule does not match.
            ("!Host(`a.com`) && Host(`b.com`)", ["b.com"]), ("!!Host(`a.com`)", ["a.com"]),
            ("!(Host(`a.com`) || !Host(`b.com`)) && Host(`c.com`)", ["b.com", "c.com"]),
            ("Host(\"a\\\"b\\\\c\")", ["a\"b\\c"]), ("Host(\"a\\x2ecom\")", ["a\\x2ecom"]),
        ] as [(String, [String])])
    func `the hosts of a rule are those of its matchers that are not negated`(_ text: String, _ expected: [String]) {
        #expect(hosts(text) == expected)
    }

    @Test(
        arguments: [
            "", " ", "Host", "Host(", "Host(`a.com`", "Host(`a.com)", "Host(a.com)", "Host(`a.com`) &&",
            "&& Host(`a.com`)",
            "Host(`a.com`) Host(`b.com`)", "(Host(`a.com`)", "Host(`a.com`))", "Host(`a.com`,)", "Host(`a` `b`)", "!",
            "()",
            "Host(`a`) & Host(`b`)", "Host(`a`) // no", "`a`", "Host(Host(`a`))", "Host(`a`) !Host(`b`)",
            "Ho\u{301}st(`a`)",
        ])
    func `invalid rules are rejected`(_ text: String) { #expect(TraefikRule(text) == nil) }

    @Test func `a rule of any size is parsed in linear time`() {
        let many = Array(repeating: "Host(`a.com`)", count: 50_000).joined(separator: " || ")
        #expect(hosts(many)?.count == 50_000)
        #expect(TraefikRule(String(repeating: "(", count: 1_000_000)) == nil)
        #expect(TraefikRule(String(repeating: "!", count: 1_000_000)) == nil)
        let deep = String(repeating: "(", count: 100_000) + "Host(`a`)" + String(repeating: ")", count: 100_000)
        #expect(hosts(deep) == ["a"])
        for end in 0..<40 { _ = TraefikRule(String("Host(\"a\\\"b\", `c`) && !(Path(`/x`) || X())".prefix(end))) }
    }
}
