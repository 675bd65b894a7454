import Cluster
import Evaluation
import Kubernetes
import Net
import Report

/// `playbook audit`: evaluates the objects of a live cluster.
struct AuditCommand {
    private let arguments: Arguments
    private let settings: Settings
    private var printer: ReportPrinter
    private var summary = Summary(of: .object)
    private let failureLevel: FailureLevel

    init(_ arguments: Arguments) throws(CommandError) {
        self.arguments = arguments
        settings = try arguments.settings()
        printer = try ReportPrinter(arguments, namesFiles: false)
        failureLevel = try arguments.failureLevel()
        summary.settingsFiles = arguments.settingsFiles.map(\.path)
    }

    mutating func run() throws(CommandError) -> ExitCode {
        if arguments.has(.exemptions) { return try listExemptions() }
        let client = try BlockingClient.find(arguments)
        defer { client.stop() }
        var selection = Audit.Selection()
        selection.namespace = arguments.last(.namespace)
        selection.labels = arguments.last(.selector)
        try exclude(from: &selection)
        guard selection.labels == nil || !arguments.has(.writeReports) else {
            throw CommandError(
                message: "--write-reports cannot be combined with --selector: the report would omit the other objects")
        }
        var reports = PolicyReports()
        let progress = Progress()
        Audit(client, settings, selection).run(
            at: Process.now,
            each: { entry in
                summary.add(entry.decision)
                if arguments.has(.writeReports) { reports.add(entry) }
                printer.add(ReportedObject(file: entry.path, line: nil, request: "", decision: entry.decision))
                progress.show("\(summary.evaluated) objects evaluated")
            },
            problem: { resource, error in
                let input = UnreadableInput("\(resource)", "\(error)")
                summary.unreadable.append(input)
                reports.addUnreadable()
                Console.error("playbook: \(input)\n")
            })
        progress.end()
        let isWritten = printer.finish(summary)
        if arguments.has(.writeReports) { write(reports, with: client, in: selection.namespace) }
        return summary.code(failingOn: failureLevel, isWritten: isWritten)
    }

    /// Lists the cluster's exemptions instead of its findings.
    private mutating func listExemptions() throws(CommandError) -> ExitCode {
        guard ["text", "json"].contains(printer.format), !arguments.has(.writeReports), !arguments.has(.output) else {
            throw CommandError(
                message:
                    "--exemptions supports --format text and json, and cannot be combined with --write-reports or --output"
            )
        }
        guard !arguments.has(.namespace), !arguments.has(.selector), !arguments.has(.except) else {
            throw CommandError(
                message:
                    "--exemptions reads all objects, so that it knows which exemptions are used; omit --namespace, --selector and --except"
            )
        }
        let client = try BlockingClient.find(arguments)
        defer { client.stop() }
        var selection = Audit.Selection()
        selection.includesNamespaces = true
        var report = ExemptionReport(settings)
        var isWhole = true
        let now = Process.now
        Audit(client, settings, selection).run(
            at: now, each: { report.add($0.decision) },
            problem: { resource, error in
                isWhole = false
                Console.error("playbook: \(resource): \(error)\n")
            })
        printer.print(printer.format == "json" ? report.json(at: now) : report.text(at: now))
        return isWhole ? .success : .usage
    }

    private mutating func write(_ reports: PolicyReports, with client: BlockingClient, in namespace: String?) {
        let outcome = reports.write(with: client, in: namespace, at: Process.now)
        for problem in outcome.problems {
            summary.unreadable.append(UnreadableInput("reports", "\(problem)"))
            Console.error("playbook: \(problem)\n")
        }
        Console.note(
            "playbook: reports: \(outcome.written) written, \(outcome.unchanged) unchanged, \(outcome.deleted) deleted")
    }

    /// Adds the kinds to skip; their names are singular or plural, in any case, as with kubectl.
    private func exclude(from selection: inout Audit.Selection) throws(CommandError) {
        for word in arguments.all(.except) {
            func isNamed(_ kind: String, _ resource: APIResource) -> Bool {
                [kind.lowercased(), resource.plural, "\(resource)"].contains(word.lowercased())
            }
            let kinds = ResourceKind.allCases.filter { $0 != .other && isNamed("\($0.name)", APIResource($0)) }
            let workloads = settings.workloadKinds.filter {
                isNamed($0.name, APIResource(group: $0.group, version: "", plural: $0.plural))
            }
            guard !kinds.isEmpty || !workloads.isEmpty else {
                let known = ResourceKind.allCases.map(\.plural) + settings.workloadKinds.map(\.plural)
                throw CommandError.unknown("kind", word, among: known)
            }
            for kind in kinds { selection.excluded.insert(ResourceKinds(kind)) }
            selection.excludedWorkloadKinds.formUnion(workloads.map(\.title))
        }
    }
}

extension BlockingClient {
    /// Returns a client of the cluster that `--kubeconfig` and `--context` name, or else of the one that kubectl would use.
    static func find(_ arguments: Arguments) throws(CommandError) -> BlockingClient {
        let access: ClusterAccess
        do throws(CredentialsError) {
            access = try ClusterAccess.find(
                environment: Process.environment, kubeconfig: arguments.last(.kubeconfig),
                context: arguments.last(.context))
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
