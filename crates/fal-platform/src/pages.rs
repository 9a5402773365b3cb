//! Streams of lists, which fetch one page after another.

use std::future::Future;

use futures_core::Stream;
use futures_util::stream;

use crate::{Error, operations, types};

/// An operation that returns a list in pages.
pub trait Paginate: Clone + Send + Sized {
    /// An item of the list.
    type Item: Send;

    /// Fetches the page at `cursor`, and returns its items and the cursor of the next page.
    #[doc(hidden)]
    fn page(
        self,
        cursor: Option<String>,
    ) -> impl Future<Output = Result<(Vec<Self::Item>, Option<String>), Error>> + Send;

    /// Returns a stream of all items, from the `cursor` of the operation on.
    ///
    /// It fetches a page when all items of the previous page have been taken. It ends after an error, or if the
    /// service returns the cursor of the page that it has just returned.
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
    ($($tag:ident::$operation:ident: $list:ident of $item:ident)*) => {$(
        impl Paginate for operations::$tag::$operation<'_> {
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
    models::ListModels: models of ModelRecord
    models::ListBillingEvents: billing_events of BillingEvent
    models::ListRequests: items of RequestRecord
    models::SearchRequests: results of RequestMatch
    workflows::ListWorkflows: workflows of WorkflowSummary
    assets::ListAssets: assets of Asset
    assets::ListCollectionAssets: assets of Asset
    serverless::ListAppEvents: events of AppEvent
    serverless::ListAppRevisions: revisions of AppRevision
    serverless::ListLogs: items of LogLine
    serverless::ListAppRequests: items of AppRequestRecord
    compute::ListInstances: instances of Instance
    keys::ListKeys: keys of KeyRecord
    organization::ListOrganizationBillingEvents: billing_events of OrganizationBillingEvent
}
