/// The settings of the rules about images and what containers run.
public struct ImageSettings: Sendable {
}

extension Setting {
    static let imageRules: [Setting] = []
}
