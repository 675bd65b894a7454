// swift-tools-version: 6.2

import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// What is in the product. The regular expressions of the standard library are imported unasked, and one `String.replacing` links
// 1.3 MB of them: without the import, none compiles.
let shipped: [SwiftSetting] =
    strict + [
        .unsafeFlags(["-Xfrontend", "-disable-implicit-string-processing-module-import"]),
        // Functions are inlined across modules as if all of them were one.
        .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
    ]

// What no request passes through is built for size.
let cold: [SwiftSetting] = shipped + [.unsafeFlags(["-Osize"], .when(configuration: .release))]

func module(
    _ name: String, uses dependencies: [Target.Dependency] = [], settings: [SwiftSetting] = shipped
) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(of name: String, uses dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: "\(name)Tests", dependencies: dependencies + ["TestSupport"], swiftSettings: strict)
}

/// A string for C: what scripts/build says about the build, "unknown" for any other build.
func stated(_ name: String, default standard: String = "unknown") -> CSetting {
    let text = Context.environment[name] ?? ""
    let isPlain =
        !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ".-_:/".contains($0)) }
    return .define(name, to: "\"\(isPlain ? text : standard)\"")
}

let package = Package(
    name: "playbook",
    products: [.executable(name: "playbook", targets: ["PlaybookCommand"])],
    dependencies: [],
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CVector"),
        .target(
            name: "CBuild",
            cSettings: [stated("BUILD_COMMIT"), stated("BUILD_SWIFT"), stated("BUILD_DOCS_URL", default: "")]),
        .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),

        // Pure: no clock, file, socket or lock.
        module("JSON", uses: ["CVector"]),
        module("YAML", uses: ["JSON", "CYAML"], settings: cold),
        module("Languages", uses: ["JSON"]),
        module("Kubernetes", uses: ["JSON"]),
        module("Evaluation", uses: ["Kubernetes", "Languages", "JSON"]),
        module("Rules", uses: ["Evaluation", "Kubernetes", "Languages", "JSON"]),
        module("HTTP"),
        module("Webhook", uses: ["HTTP", "Evaluation", "Kubernetes", "JSON"]),
        module("AuditLog", uses: ["Evaluation", "Kubernetes", "JSON"], settings: cold),
        module("Report", uses: ["AuditLog", "Rules", "Evaluation", "Kubernetes", "JSON"], settings: cold),
        module("Manifests", uses: ["YAML", "Evaluation", "Kubernetes", "JSON"], settings: cold),

        // Effects.
        module("Net", uses: ["HTTP", "COpenSSL", "CLinux"]),
        module(
            "Cluster", uses: ["Net", "HTTP", "YAML", "Evaluation", "Kubernetes", "Languages", "JSON"], settings: cold),
        .executableTarget(
            name: "PlaybookCommand",
            dependencies: [
                "Webhook", "Report", "AuditLog", "Manifests", "Cluster", "Net", "CBuild", "CLinux", "YAML", "HTTP",
                "Rules",
                "Evaluation", "Kubernetes", "Languages", "JSON",
            ],
            swiftSettings: cold),

        // Figures for scripts/bench; no product, and the one place that may use Foundation, to be compared with it.
        .executableTarget(
            name: "Bench", dependencies: ["Webhook", "Rules", "Evaluation", "Kubernetes", "JSON"], swiftSettings: strict
        ),

        .target(
            name: "TestSupport", dependencies: ["Evaluation", "JSON", "Languages", "Rules", "YAML"],
            path: "Tests/TestSupport",
            swiftSettings: strict),
        tests(of: "JSON", uses: ["JSON"]),
        tests(of: "YAML", uses: ["YAML", "JSON"]),
        tests(of: "Languages", uses: ["Languages", "JSON"]),
        tests(of: "Kubernetes", uses: ["Kubernetes", "JSON"]),
        tests(of: "Rules", uses: ["Manifests", "Rules", "Evaluation", "Kubernetes", "Languages", "JSON", "YAML"]),
        tests(of: "HTTP", uses: ["HTTP"]),
        tests(of: "Webhook", uses: ["Webhook", "HTTP", "Rules", "Evaluation", "Kubernetes", "JSON"]),
        tests(of: "Net", uses: ["Net", "HTTP", "COpenSSL"]),
        tests(
            of: "Cluster",
            uses: [
                "PlaybookCommand", "Cluster", "Report", "Net", "HTTP", "Rules", "Evaluation", "Kubernetes", "Languages",
                "JSON", "COpenSSL",
            ]),
        tests(of: "AuditLog", uses: ["AuditLog", "Report", "Rules", "Evaluation", "Kubernetes", "JSON"]),
        tests(of: "Report", uses: ["Report", "Rules", "Evaluation", "Kubernetes", "JSON"]),
        tests(of: "Manifests", uses: ["Manifests", "YAML", "Rules", "Evaluation", "Kubernetes", "JSON"]),
        tests(of: "Command", uses: ["PlaybookCommand", "Net", "JSON"]),
    ]
)

// scripts/test-rule needs the tests of the rules alone.
if Context.environment["RULE_UNDER_TEST"] != nil {
    package.targets.removeAll { $0.type == .test && $0.name != "RulesTests" }
}

// libFuzzer brings its own `main`, so this target is there only for scripts/fuzz.
if Context.environment["PLAYBOOK_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "Fuzz", dependencies: ["HTTP", "JSON", "Kubernetes", "Manifests", "Evaluation", "Rules", "Webhook"],
            path: "Fuzz",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
}
