import Languages
import Testing

@Suite struct Base64Tests {
    // RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9vYmE=", "fooba"),
        ("Zm9vYmFy", "foobar"), ("Zm9v\nYmFy\n", "foobar"),
    ])
    func `base64 text is decoded`(text: String, expected: String) {
        #expect(base64Decoded(text) == Array(expected.utf8))
    }

    @Test(arguments: ["Z", "Zg", "Zg=", "Zg===", "Z===", "Zm9v=", "Zg==Zg==", "Zm-_", "Zm9v!", "\u{e9}AAA"])
    func `invalid base64 text is rejected`(text: String) {
        #expect(base64Decoded(text) == nil)
    }
}
