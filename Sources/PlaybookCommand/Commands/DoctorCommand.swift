import Cluster
import Evaluation
import Net

/// `playbook doctor`: checks the webhook that is installed in a cluster.
struct DoctorCommand {
    private let arguments: Arguments
    private let settings: Settings

    init(_ arguments: Arguments) throws(CommandError) {
        self.arguments = arguments
        settings = try arguments.settings()
    }

    func run() throws(CommandError) -> ExitCode {
        let client = try BlockingClient.find(arguments)
        defer { client.stop() }
        var code = ExitCode.success
        Doctor(client, settings, now: Process.now).run { answer in
            let state = answer.state.rawValue
            let padding = String(repeating: " ", count: max(1, 9 - state.count))
            Console.print("\(state)\(padding)\(answer.subject): \(answer.text)\n")
            switch answer.state {
            case .good, .notice: break
            case .bad: if code == .success { code = .denied }
            case .unknown: code = .usage
            }
        }
        return code
    }
}
