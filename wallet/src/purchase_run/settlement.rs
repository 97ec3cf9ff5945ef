//! What the order, as the issuer shows it, means for the purchase.

use farthing_api::{OrderState, OrderView, ProblemKind};

use super::{Call, PurchaseRun, Refusal, RunError, SavePoint, Task};
use crate::purchase::{OrderId, Stage, VoucherRefusal};
use crate::wallet_state::WalletState;

/// How often one run looks for another key after the issuer refused one. Once is a rotation; more is a contradiction.
const MAX_REBUILDS: u8 = 2;

impl PurchaseRun {
    /// Brings the purchase in line with the order as the issuer shows it.
    pub(super) fn settle(
        &mut self,
        state: &mut WalletState,
        view: &OrderView,
        refusal: Option<Refusal>,
    ) -> Result<(), RunError> {
        let purchase = state.purchase(self.position).ok_or(RunError::NoPurchase)?;
        let Ok(order) = OrderId::try_from(view.id.clone()) else {
            self.leave_unfinished(&"the issuer's order has an id that is none");
            return Ok(());
        };
        let paid = purchase.is_paid();
        let intended = matches!(purchase.stage, Stage::Intended);
        match (view.state, refusal) {
            (OrderState::Pending | OrderState::Underpaid, Some(refusal)) if !paid => {
                self.stop_unpaid(state, &refusal)
            }
            (OrderState::Pending | OrderState::Underpaid, None) if intended => {
                self.advance(state, Stage::Ordered { order }, SavePoint::Order)
            }
            // The issuer has forgotten the payment, as after a restored backup: paying again is safe, and done once.
            (OrderState::Pending, _) if paid && !self.paid_again => {
                self.paid_again = true;
                self.advance(state, Stage::Ordered { order }, SavePoint::Order)
            }
            (OrderState::Pending | OrderState::Underpaid, _) => {
                self.leave_unfinished(&"the issuer still shows the order as unpaid");
                Ok(())
            }
            (OrderState::Paid, Some(refusal)) if refusal.call == Call::Tokens => {
                self.rebuild(state, order, &refusal)
            }
            (OrderState::Paid, _) => self.advance(state, Stage::Paid { order }, SavePoint::Paid),
            (OrderState::Issued, refusal) => self.settle_issued(state, view, refusal),
            (OrderState::Expired, _) => {
                let reason =
                    "the order expired before it was paid. The voucher was not spent on it: buy again";
                self.stop(state, !paid, reason.to_owned())
            }
            (OrderState::Late, _) => {
                let reason =
                    format!("order {order} was paid too late: the operator decides. Ask, then resume");
                self.stop(state, false, reason)
            }
            (OrderState::Refunding, _) => {
                self.stop(state, false, format!("order {order} is being paid back"))
            }
            (OrderState::Refunded, _) => self.stop(state, true, format!("order {order} was paid back")),
            (OrderState::Reversed, _) => {
                self.stop(state, true, format!("the payment of order {order} was taken back by its provider"))
            }
        }
    }

    /// The voucher was refused and the order stays unpaid.
    fn stop_unpaid(&mut self, state: &mut WalletState, refusal: &Refusal) -> Result<(), RunError> {
        let (reason, voucher) = match refusal.kind {
            ProblemKind::VoucherUnknown => (
                "no voucher has this code: look at it again (26 letters and digits). Nothing was paid"
                    .to_owned(),
                Some(VoucherRefusal::Unknown),
            ),
            ProblemKind::VoucherUsed => (
                "this voucher has paid another order. Nothing was paid".to_owned(),
                Some(VoucherRefusal::Used),
            ),
            ProblemKind::VoucherPack => {
                ("this voucher is for another pack. It was not used, and nothing was paid".to_owned(), None)
            }
            _ => (format!("{}. The order stays unpaid", refusal.text), None),
        };
        self.stop(state, true, reason)?;
        let purchase = state.purchase_mut(self.position).ok_or(RunError::NoPurchase)?;
        if let Some(stopped) = &mut purchase.stopped {
            stopped.voucher = voucher;
        }
        Ok(())
    }

    /// The issuer spent the order on a request: ours, or another.
    fn settle_issued(
        &mut self,
        state: &mut WalletState,
        view: &OrderView,
        refusal: Option<Refusal>,
    ) -> Result<(), RunError> {
        let purchase = state.purchase(self.position).ok_or(RunError::NoPurchase)?;
        let Stage::Requested { digest, order, .. } = &purchase.stage else {
            let reason = format!(
                "order {} was issued on a token request that this wallet file does not hold: another copy of the \
                 wallet made it. Use the newest copy",
                view.id
            );
            return self.stop(state, false, reason);
        };
        if view.request_digest.as_ref() != Some(digest) {
            let reason = format!(
                "order {order} was spent on a token request that is not ours: somebody else has used its claim, or \
                 another copy of this wallet has. The tokens are not here; show this to the operator"
            );
            return self.stop(state, true, reason);
        }
        match refusal {
            None => {
                self.leave_unfinished(&"the issuer shows the order as issued and sent no tokens");
                Ok(())
            }
            Some(refusal) if matches!(refusal.kind, ProblemKind::KeyEnded | ProblemKind::KeyUnknown) => {
                let reason =
                    format!("{}. Order {order} is paid: ask the operator, then resume", refusal.text);
                self.stop(state, false, reason)
            }
            Some(refusal) => {
                self.leave_unfinished(&refusal.text);
                Ok(())
            }
        }
    }

    /// The token request was refused and the order is still free: makes it again under the key that now issues, if
    /// the key was the reason.
    fn rebuild(
        &mut self,
        state: &mut WalletState,
        order: OrderId,
        refusal: &Refusal,
    ) -> Result<(), RunError> {
        let for_its_key = matches!(
            refusal.kind,
            ProblemKind::KeyNotIssuing
                | ProblemKind::KeyEnded
                | ProblemKind::KeyUnknown
                | ProblemKind::KeyMismatch
        );
        if !for_its_key {
            let reason = format!("{}. Order {order} is paid and kept: run `farthing resume`", refusal.text);
            return self.stop(state, false, reason);
        }
        if self.rebuilds == MAX_REBUILDS {
            self.leave_unfinished(&refusal.text);
            return Ok(());
        }
        self.rebuilds += 1;
        let purchase = state.purchase_mut(self.position).ok_or(RunError::NoPurchase)?;
        if let Stage::Requested { key, .. } = &purchase.stage {
            self.refused_key = Some(key.token_key_id());
        }
        // Not saved: the next save is that of the new request, and until then the old one does no harm.
        purchase.stage = Stage::Paid { order };
        self.batch = None;
        self.agreed = None;
        self.task = Task::AskDirectory;
        Ok(())
    }
}
