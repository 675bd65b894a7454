internal import COpenSSL

/// Reads and writes certificates and keys as PEM text.
enum PEM {
    /// Reads every certificate in the text, in order.
    static func certificates(in text: [UInt8]) throws(TLSError) -> CertificateList {
        let memory = try reader(of: text)
        var list = CertificateList()
        while let certificate = PEM_read_bio_X509(memory.pointer, nil, refusePassword, nil) {
            list.append(owning: certificate)
        }
        // The end of the text is reported as an error too: no further line starts a block.
        let last = ERR_peek_last_error()
        guard tls_error_library(last) == ERR_LIB_PEM, tls_error_reason(last) == PEM_R_NO_START_LINE else {
            throw TLSError("reading a certificate")
        }
        ERR_clear_error()
        guard !list.isEmpty else { throw TLSError("reading a certificate", reasons: ["the text contains none"]) }
        return list
    }

    /// Reads the first private key in the text.
    static func privateKey(in text: [UInt8]) throws(TLSError) -> Handle {
        let memory = try reader(of: text)
        let key = PEM_read_bio_PrivateKey(memory.pointer, nil, refusePassword, nil)
        return try Handle(key, "reading a private key", release: EVP_PKEY_free)
    }

    static func text(ofCertificate certificate: OpaquePointer) throws(TLSError) -> String {
        let memory = try Handle(BIO_new(BIO_s_mem()), "allocating", release: { _ = BIO_free($0) })
        guard PEM_write_bio_X509(memory.pointer, certificate) == 1 else { throw TLSError("writing a certificate") }
        return contents(of: memory)
    }

    static func text(ofPrivateKey key: OpaquePointer) throws(TLSError) -> String {
        let memory = try Handle(BIO_new(BIO_s_mem()), "allocating", release: { _ = BIO_free($0) })
        guard PEM_write_bio_PrivateKey(memory.pointer, key, nil, nil, 0, nil, nil) == 1 else {
            throw TLSError("writing a private key")
        }
        return contents(of: memory)
    }

    private static func reader(of text: [UInt8]) throws(TLSError) -> Handle {
        let memory = try Handle(BIO_new(BIO_s_mem()), "allocating", release: { _ = BIO_free($0) })
        // OpenSSL copies the array, which need not outlive the call.
        guard text.isEmpty || BIO_write(memory.pointer, text, Int32(clamping: text.count)) == text.count else {
            throw TLSError("reading PEM text")
        }
        return memory
    }

    private static func contents(of memory: borrowing Handle) -> String {
        var bytes: UnsafePointer<CChar>?
        let count = tls_memory_bytes(memory.pointer, &bytes)
        guard let bytes, count > 0 else { return "" }
        // OpenSSL owns `count` bytes at `bytes` as long as `memory` lives; they are copied before.
        return String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    }
}

/// Without this callback, OpenSSL reads the password of an encrypted key from the terminal.
private func refusePassword(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int32, _ isWriting: Int32, _ data: UnsafeMutableRawPointer?
) -> Int32 {
    -1
}

/// Certificates that are freed together.
struct CertificateList: ~Copyable {
    private(set) var pointers: [OpaquePointer] = []

    var isEmpty: Bool { pointers.isEmpty }

    mutating func append(owning certificate: OpaquePointer) {
        pointers.append(certificate)
    }

    deinit {
        for pointer in pointers { X509_free(pointer) }
    }
}
