//! Where a bug may be planted: the wrong code exists only under the feature `planted-bugs`, and runs
//! only where the simulation has switched that bug on.

/// `planted!(Bug => wrong, OtherBug => wrong; right)`: without the feature, `right` and nothing else.
#[cfg(feature = "planted-bugs")]
#[macro_export]
macro_rules! planted {
    ($($bug:ident => $wrong:expr),+; $right:expr) => {
        $(if $crate::planted::is($crate::planted::Bug::$bug) { $wrong } else)+ { $right }
    };
}

#[cfg(not(feature = "planted-bugs"))]
#[macro_export]
macro_rules! planted {
    ($($bug:ident => $wrong:expr),+; $right:expr) => {
        $right
    };
}

/// `plant!(Bug => wrong)`: without the feature, nothing.
#[cfg(feature = "planted-bugs")]
#[macro_export]
macro_rules! plant {
    ($bug:ident => $wrong:expr) => {
        if $crate::planted::is($crate::planted::Bug::$bug) {
            $wrong;
        }
    };
}

#[cfg(not(feature = "planted-bugs"))]
#[macro_export]
macro_rules! plant {
    ($bug:ident => $wrong:expr) => {};
}
