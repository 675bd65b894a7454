import Languages
import Testing

@Suite struct ImageReferenceTests {
    @Test(
        arguments: [
            ("nginx", "docker.io", "library/nginx", nil, nil),
            ("nginx:1.27", "docker.io", "library/nginx", "1.27", nil),
            ("bitnami/redis:7.2.4-alpine", "docker.io", "bitnami/redis", "7.2.4-alpine", nil),
            ("host:5000/app", "host:5000", "app", nil, nil),
            ("host:5000/app:v1", "host:5000", "app", "v1", nil),
            ("localhost/app", "localhost", "app", nil, nil),
            ("quay.io/example/queue:3.12.0", "quay.io", "example/queue", "3.12.0", nil),
            ("index.docker.io/nginx", "docker.io", "library/nginx", nil, nil),
            ("docker.io/nginx", "docker.io", "library/nginx", nil, nil),
            ("docker.io/library/nginx:1", "docker.io", "library/nginx", "1", nil),
            ("Registry/app:v1", "Registry", "app", "v1", nil),
            ("[::1]:5000/app:v1", "[::1]:5000", "app", "v1", nil),
            ("[2001:db8::1]/app", "[2001:db8::1]", "app", nil, nil),
            ("a.b/c.d_e__f---g/h", "a.b", "c.d_e__f---g/h", nil, nil),
            (
                "222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/checkout:1.4.2-9f3c1ab",
                "222222222222.dkr.ecr.eu-west-1.amazonaws.com", "shop/checkout", "1.4.2-9f3c1ab", nil
            ),
            (
                "a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "docker.io", "a/b", nil,
                "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
            ),
            (
                "r.io/a__b/c-----d.e:T@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "r.io",
                "a__b/c-----d.e", "T", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
            ),
        ] as [(String, String, String, String?, String?)])
    func `an image reference is parsed into registry, repository, tag and digest`(
        _ text: String, _ registry: String, _ repository: String, _ tag: String?, _ digest: String?
    ) throws {
        let reference = try ImageReference(text)
        #expect(reference.registry == registry)
        #expect(reference.repository == repository)
        #expect(reference.tag == tag)
        #expect(reference.digest == digest)
        #expect(try ImageReference(reference.description) == reference)
    }

    @Test(arguments: [
        "", "Nginx", "a/B", "a//b", "/a", "a/", "a:", ":a", "a:-x", "a@", "a@sha256", "a@sha256:abc", "a___b", "a..b",
        "-a", "a-", "a b", "a:b c",
        "host:/a", "host:x/a", "[::1/a", "[]/a", "[::x]/a", "[::1]x/a", "-host.io/a", "host-.io/a", "a..io/b",
        "a.-io/b",
        "https://quay.io/a", "a:b:c", "a@b@c", "a/b:c/d", "a\tb", "a%2Fb", "a\\b",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "a@sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        "a@sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "a@md5:e3b0c44298fc1c149afbf4c8996fb924",
        "a@sha256:g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "é",
    ])
    func `image references that Docker rejects are malformed`(_ text: String) {
        #expect(throws: ImageReference.Malformed.self) { try ImageReference(text) }
    }

    @Test func `long image names and tags are rejected`() {
        #expect(throws: ImageReference.Malformed.self) { try ImageReference(String(repeating: "a", count: 256)) }
        // The limit of 255 characters applies to the repository, with the implied prefix library/.
        let longest = String(repeating: "a", count: 255)
        #expect(throws: Never.self) { try ImageReference("registry.example.com/" + longest) }
        #expect(throws: ImageReference.Malformed.self) { try ImageReference("registry.example.com/a" + longest) }
        #expect(throws: ImageReference.Malformed.self) { try ImageReference(longest) }
        #expect(throws: Never.self) { try ImageReference(String(longest.dropFirst(8))) }
        #expect(throws: ImageReference.Malformed.self) { try ImageReference("a:" + String(repeating: "a", count: 129)) }
        #expect(throws: Never.self) { try ImageReference("a:" + String(repeating: "a", count: 128)) }
    }
}
