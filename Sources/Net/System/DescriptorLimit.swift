internal import Glibc

/// The process's limit of open descriptors.
public enum DescriptorLimit {
    private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

    /// The current limit.
    public static var current: Int {
        var limit = rlimit()
        getrlimit(resource, &limit)
        return Int(clamping: limit.rlim_cur)
    }

    /// Raises the limit to a number if it is lower, as far as the process may.
    ///
    /// Container runtimes often set 1024 for programs that use select(2), which this one does not, and allow much more.
    public static func raise(to number: Int) {
        var limit = rlimit()
        let wanted = rlim_t(clamping: number)
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < wanted else { return }
        limit.rlim_cur = min(wanted, limit.rlim_max)
        setrlimit(resource, &limit)
    }
}
