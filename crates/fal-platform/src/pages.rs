//! Lists as streams that fetch page after page.

use std::future::Future;

use futures_core::Stream;
use futures_util::stream;

use crate::{Error, builder, types};

/// An operation that lists something in pages.
pub trait Paginate: Clone + Send + Sized {
    /// What is listed.
    type Item: Send;

    /// The page that begins at `cursor`, and the cursor of the next one.
    #[doc(hidden)]
    fn page(
        self,
        cursor: Option<String>,
    ) -> impl Future<Output = Result<(Vec<Self::Item>, Option<String>), Error>> + Send;

    /// Everything listed, from the builder's `cursor` on. The next page is fetched when the one before has been
    /// taken.
    ///
    /// The stream ends after an error, and when the service answers with the cursor it was just given.
    fn stream(self) -> impl Stream<Item = Result<Self::Item, Error>> + Send {
        let pages = stream::try_unfold(Some((self, None)), |state| async {
            let Some((operation, cursor)) = state else { return Ok(None) };
            let (items, next) = operation.clone().page(cursor.clone()).await?;
            let rest = next.filter(|next| Some(next) != cursor.as_ref()).map(|next| (operation, Some(next)));
            Ok::<_, Error>(Some((stream::iter(items.into_iter().map(Ok)), rest)))
        });
        futures_util::TryStreamExt::try_flatten(pages)
    }
}

macro_rules! paginate {
    ($($operation:ident: $list:ident of $item:ident)*) => {$(
        impl Paginate for builder::$operation<'_> {
            type Item = types::$item;

            async fn page(self, cursor: Option<String>) -> Result<(Vec<Self::Item>, Option<String>), Error> {
                let operation = match cursor {
                    Some(cursor) => self.cursor(cursor),
                    None => self,
                };
                let page = operation.send().await?.into_inner();
                Ok((page.$list, page.next_cursor))
            }
        }
    )*};
}

paginate! {
    ListModels: models of ModelRecord
    ListBillingEvents: billing_events of BillingEvent
    ListRequests: items of RequestRecord
    SearchRequests: results of RequestMatch
    ListWorkflows: workflows of WorkflowSummary
    ListAssets: assets of Asset
    ListCollectionAssets: assets of Asset
    ListAppEvents: events of AppEvent
    ListAppRevisions: revisions of AppRevision
    ListLogs: items of LogLine
    ListAppRequests: items of AppRequestRecord
    ListInstances: instances of Instance
    ListKeys: keys of KeyRecord
    ListOrganizationBillingEvents: billing_events of OrganizationBillingEvent
}
