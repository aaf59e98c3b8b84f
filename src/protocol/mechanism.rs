//! The safety mechanisms of the protocol by name, each with a switch that only tests have.
//!
//! With the feature `mutants` a test may switch one mechanism off for its own thread and then expects an invariant to
//! break: so it is known that the tests bite. Without the feature every question is answered "on" at compile time. Must
//! never be on in a release: nothing that is shipped enables the feature.

/// What keeps a node honest, in the order in which an order meets it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mechanism {
    /// A delivery without a receipt is tried again.
    Retry,
    /// A sign of life of a peer makes what could not reach it due.
    WakeOnLife,
    /// A delivery received before is answered with the stored receipt.
    StoredReceipt,
    /// The buyer's node takes the same request id for the same order, the first message included.
    FirstMessage,
    /// Another message in the place of one that is held freezes the order.
    Equivocation,
    /// Nothing is spoken of an order before the step that causes it is stored.
    StoreThenSpeak,
    /// After a start everything without a receipt is sent again.
    ResumeOnStart,
    /// A delivery stays in the outbox until its receipt is stored.
    KeepUntilReceipt,
    /// A new attempt begins only once the last one is void.
    VoidBeforeReroute,
    /// A seal is refused where the attempt is void, and a void where it is sealed.
    OneOutcome,
    /// A seal needs every leg fulfilled on its day.
    SealGuard,
    /// A recall that came first is honoured.
    RecallBeforeSeal,
    /// A hop refuses when its share of the time is too short.
    EarlyRefusal,
    /// A hop that has missed the outcome asks others for it.
    AskForOutcome,
    /// A node that was restored takes back its own messages before it signs again.
    RecoverOwn,
    /// Results go ahead of requests.
    ResultsFirst,
    /// A cursor into a peer's journal is void when the peer's store has a new name.
    CursorReset,
    /// A log that contradicts itself is cut.
    ForkCut,
    /// A node asks its peers for its own log before it signs.
    BackupCheck,
    /// News that was not acknowledged is told again.
    RetellNews,
    /// What one peer has waiting is bounded.
    Backpressure,
    /// Every party compares what is amended with what it holds itself.
    AmendedAsHeld,
    /// An officer whose grant has ended is let in no more.
    GrantGate,
    /// A log begins only in the name of its operator, under the newest root version.
    NamedOperator,
    /// What an expulsion or a revocation takes back leaves every view.
    TakeBack,
    /// Nothing ends by time on the word of one clock.
    ClockGuard,
    /// What only one node holds is with others before what rests on it is final.
    Deposit,
    /// A depositary that has lost its disk is given again what it had.
    DepositAgain,
}

impl Mechanism {
    /// Whether it is on.
    #[cfg(not(feature = "mutants"))]
    #[inline]
    pub const fn is_on(self) -> bool {
        let _ = self;
        true
    }

    /// Whether it is on for this thread.
    #[cfg(feature = "mutants")]
    pub fn is_on(self) -> bool {
        OFF.with(|off| off.get() != Some(self))
    }

    /// Switches it off for this thread while `run` runs, also if that panics.
    #[cfg(feature = "mutants")]
    pub fn without<T>(self, run: impl FnOnce() -> T) -> T {
        struct Restore(Option<Mechanism>);
        impl Drop for Restore {
            fn drop(&mut self) {
                OFF.with(|off| off.set(self.0));
            }
        }
        let _restore = Restore(OFF.with(|off| off.replace(Some(self))));
        run()
    }
}

#[cfg(feature = "mutants")]
std::thread_local! {
    static OFF: std::cell::Cell<Option<Mechanism>> = const { std::cell::Cell::new(None) };
}
