public import Kubernetes
import Languages

extension WorkloadKind {
    /// The default kinds whose pod templates are evaluated.
    public static let standard = [
        make("serving.knative.dev/Service", ["spec.template"], isLongRunning: true),
        make("argoproj.io/Workflow", ["spec.templates[]"]),
        make("argoproj.io/WorkflowTemplate", ["spec.templates[]"]),
        make("argoproj.io/AnalysisTemplate", ["spec.metrics[].provider.job.spec.template"]),
        make("keda.sh/ScaledJob", ["spec.jobTargetRef.template"]),
        make("jobset.x-k8s.io/JobSet", ["spec.replicatedJobs[].template.spec.template"]),
        make(
            "leaderworkerset.x-k8s.io/LeaderWorkerSet",
            ["spec.leaderWorkerTemplate.leaderTemplate", "spec.leaderWorkerTemplate.workerTemplate"],
            isLongRunning: true),
        make(
            "ray.io/RayCluster", ["spec.headGroupSpec.template", "spec.workerGroupSpecs[].template"],
            isLongRunning: true),
        make(
            "sparkoperator.k8s.io/SparkApplication", ["spec.driver.template", "spec.executor.template"]),
    ]

    private static func make(
        _ title: String, _ paths: [String], isLongRunning: Bool = false
    ) -> WorkloadKind {
        let parts = title.split(separator: "/").map(String.init)
        return WorkloadKind(
            parts[0], parts[1], paths: paths.compactMap { TemplatePath($0) }, isLongRunning: isLongRunning)
    }

    /// Reads an entry of the setting: `keda.sh/ScaledJob=spec.jobTargetRef.template`.
    fileprivate convenience init(parsing entry: String) throws(Misplaced) {
        let halves = entry.split(separator: "=", omittingEmptySubsequences: false).map { trimmed($0) }
        let parts = halves[0].split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard halves.count == 2, parts.count == 2, parts[0].contains("."), parts[1].first?.isUppercase ?? false,
            let path = TemplatePath(halves[1])
        else {
            throw Misplaced(
                expected: "an entry such as keda.sh/ScaledJob=spec.jobTargetRef.template instead of \"\(entry)\"")
        }
        guard !APIGroup.isBuiltIn(parts[0]), ResourceKind(kind: parts[1], apiVersion: "\(parts[0])/v1") == .other else {
            throw Misplaced(expected: "a custom resource kind that no rule covers instead of \"\(halves[0])\"")
        }
        let known = WorkloadKind.standard.first { $0.title == halves[0] }
        self.init(
            parts[0], parts[1], paths: [path], isLongRunning: known?.isLongRunning)
    }
}

extension Context {
    /// Returns the configured workload kind of the object; nil for kinds that rules cover and for all other kinds.
    @inline(__always)
    func workload(of review: AdmissionReview) -> WorkloadKind? {
        review.kind == .other ? settings.workloadKinds.first { review.isAbout($0) } : nil
    }
}

extension SettingForm<[WorkloadKind]> {
    /// A list of kinds with paths of their pod templates; entries add to the default kinds or remove one.
    static var workloadKinds: SettingForm {
        parsed(
            "group/Kind=path, separated by commas",
            written: { kinds in
                kinds.flatMap { kind in kind.paths.map { "\(kind.title)=\($0)" } }.joined(separator: ",")
            }
        ) { (text) throws(Misplaced) in
            var removed: [String] = []
            let added = try elements(of: text) { (entry) throws(Misplaced) -> WorkloadKind? in
                guard entry.hasPrefix("-") else { return try WorkloadKind(parsing: entry) }
                let titles = WorkloadKind.standard.map(\.title)
                guard titles.contains(String(entry.dropFirst())) else {
                    throw Misplaced(
                        at: 1,
                        expected: "one of the defaults (\(titles.joined(separator: ", "))) instead of \"\(entry)\"")
                }
                removed.append(String(entry.dropFirst()))
                return nil
            }
            var kinds = WorkloadKind.standard.filter { !removed.contains($0.title) }
            for kind in added.compactMap(\.self) {
                if let index = kinds.firstIndex(where: { $0.title == kind.title }) {
                    kinds[index] = kinds[index].adding(kind.paths)
                } else {
                    kinds.append(kind)
                }
            }
            return kinds
        }
    }
}
