/// `playbook check`: manifests to findings with their places.
///
/// Everything is read first, since the objects of a run are each other's companions, and judged then, file by file.
struct CheckCommand {
    private var manifests: ManifestRun
    private var output: Output

    init(_ arguments: Arguments) throws(CommandError) {
        manifests = try ManifestRun(arguments)
        output = try Output(arguments)
    }

    mutating func run() -> ExitCode {
        manifests.read()
        var output = output
        manifests.judge(manifests.files, with: manifests.judge(knowing: manifests.files)) { output.add($0) }
        output.finish(manifests.summary)
        return manifests.summary.code
    }
}
