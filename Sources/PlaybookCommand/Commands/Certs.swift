import Evaluation
import Glibc
import Kubernetes
import Net

/// `playbook certs`: creates certificates for development, or shows existing ones.
enum CertsCommand {
    static func run(_ arguments: Arguments) throws(CommandError) -> ExitCode {
        if let directory = arguments.last(.directory) {
            guard arguments.operands.isEmpty else {
                throw CommandError(message: "--directory cannot be combined with files")
            }
            return try make(in: directory, arguments)
        }
        for flag in [Flag.host, .days] where arguments.has(flag) {
            throw CommandError(message: "--\(flag.rawValue) needs --directory DIR, which creates certificates")
        }
        var files = arguments.operands
        if files.isEmpty { files = [try arguments.settings().certificateFile] }
        var code = ExitCode.success
        for file in files {
            do throws(CommandError) {
                try show(file)
            } catch {
                Console.error("playbook: \(error.message)\n")
                code = .usage
            }
        }
        return code
    }

    private static func make(in directory: String, _ arguments: Arguments) throws(CommandError) -> ExitCode {
        let hosts = arguments.has(.host) ? arguments.all(.host) : ["localhost", "127.0.0.1"]
        guard let days = Int64(arguments.last(.days) ?? "90"), (1...3650).contains(days) else {
            throw CommandError(
                message: "unsupported --days \"\(arguments.last(.days) ?? "")\"; use a number from 1 to 3650")
        }
        // An hour earlier, for clients whose clocks are slow.
        let start = Process.now.seconds - 3600
        let isAddress: (String) -> Bool = { host in host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." } }
        let pair: KeyPair
        let authority: CertificateAuthority
        do throws(TLSError) {
            authority = try CertificateAuthority(
                named: "playbook development CA", notBefore: start, notAfter: start + days * 86_400)
            pair = try authority.issue(
                CertificateRequest(
                    commonName: hosts.first.map { String($0.prefix(64)) } ?? "playbook",
                    dnsNames: hosts.filter { !isAddress($0) }, ipAddresses: hosts.filter(isAddress), usage: .server,
                    notBefore: start, notAfter: start + days * 86_400))
        } catch {
            throw CommandError(message: error.description)
        }
        guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
            throw CommandError(message: "\(directory): \(String(cString: strerror(errno)))")
        }
        try write(authority.keyPair.certificate, to: "\(directory)/ca.crt", mode: 0o644)
        try write(pair.certificate, to: "\(directory)/tls.crt", mode: 0o644)
        try write(pair.privateKey, to: "\(directory)/tls.key", mode: 0o600)
        Console.print(
            "wrote ca.crt, tls.crt and tls.key to \(directory), for \(hosts.joined(separator: ", ")), valid for \(days) days\n"
        )
        return .success
    }

    /// Writes a temporary file and renames it, so that a running server never reads a partial one.
    private static func write(_ text: String, to path: String, mode: mode_t) throws(CommandError) {
        let temporary = "\(path).new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        var text = text
        let isWritten =
            descriptor >= 0
            && text.withUTF8 { Glibc.write(descriptor, UnsafeRawPointer($0.baseAddress), $0.count) == $0.count }
        if descriptor >= 0 { close(descriptor) }
        guard isWritten, rename(temporary, path) == 0 else {
            throw CommandError(message: "\(path): \(String(cString: strerror(errno)))")
        }
    }

    private static func show(_ file: String) throws(CommandError) {
        let bytes: [UInt8]
        switch Inputs.bytes(of: file) {
        case .success(let contents): bytes = contents
        case .failure(let error): throw CommandError(message: "\(error)")
        }
        do throws(TLSError) {
            for certificate in try CertificateDescription.certificates(inPEM: bytes) {
                let names = (certificate.dnsNames + certificate.ipAddresses).joined(separator: ", ")
                let days = (certificate.notAfter - Process.now.seconds) / 86_400
                Console.print(
                    """
                    \(certificate.subject)\(certificate.isCA ? " (CA)" : "")
                      issued by  \(certificate.issuer)
                      names      \(names.isEmpty ? "-" : names)
                      key        \(certificate.keyType)
                      valid      \(Timestamp(seconds: certificate.notBefore)) to \(Timestamp(seconds: certificate.notAfter)) (\(days) days left)

                    """)
            }
        } catch {
            throw CommandError(message: "\(file): \(error)")
        }
    }
}
