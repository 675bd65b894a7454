import Cluster
import Net
import Playbook
import Report

/// `playbook audit`: a live cluster to findings.
struct AuditCommand {
    private let arguments: Arguments
    private let settings: Settings
    private var output: Output
    private var summary = Summary(of: .object)

    init(_ arguments: Arguments) throws(CommandError) {
        self.arguments = arguments
        settings = try arguments.settings()
        output = try Output(arguments)
    }

    mutating func run() throws(CommandError) -> ExitCode {
        let client = try client()
        defer { client.stop() }
        var selection = Audit.Selection()
        selection.namespace = arguments.last(.namespace)
        selection.labels = arguments.last(.selector)
        let progress = Progress()
        Audit(client, settings, selection).run(
            at: Process.now,
            each: { entry in
                summary.add(entry.verdict)
                output.add(
                    JudgedObject(
                        file: entry.path, line: nil, request: "", title: entry.title, verdict: entry.verdict))
                progress.show("\(summary.judged) objects judged")
            },
            problem: { kind, error in
                summary.unreadable += 1
                Console.error("playbook: \(APIResource(kind)): \(error)\n")
            })
        progress.end()
        output.finish(summary)
        return summary.code
    }

    private func client() throws(CommandError) -> BlockingClient {
        let access: ClusterAccess
        do throws(CredentialsError) {
            access = try ClusterAccess.find(environment: Process.environment, context: arguments.last(.context))
        } catch {
            throw CommandError(message: "\(error)")
        }
        do throws(SystemError) {
            return try BlockingClient(access)
        } catch {
            throw CommandError(message: "\(error)")
        }
    }
}
