//! The upload of a file as a form, which progenitor does not support.

use bytes::Bytes;
use progenitor_client::encode_path;

use crate::{Error, Platform, ResponseValue};

impl Platform {
    /// Stores `bytes` as the file `target_path` of the account's file system.
    ///
    /// If `unzip` is true, the service unpacks a ZIP archive there.
    ///
    /// Sends a `POST` request to `/serverless/files/file/local/{target_path}`.
    ///
    /// # Errors
    ///
    /// Fails if the request cannot be sent, or if the service rejects it.
    pub async fn upload_file(
        &self,
        target_path: &str,
        bytes: impl Into<Bytes>,
        unzip: bool,
    ) -> Result<ResponseValue<bool>, Error> {
        let url = format!("{}/serverless/files/file/local/{}", self.baseurl, encode_path(target_path));
        let name = target_path.rsplit('/').next().unwrap_or(target_path).to_owned();
        let part = reqwest::multipart::Part::stream(bytes.into()).file_name(name);
        let form = reqwest::multipart::Form::new().part("file_upload", part);
        let mut request = self.client.post(url).query(&[("unzip", unzip)]).multipart(form).build()?;
        self.inner.apply(&mut request);
        self.intercept(&mut request).await.map_err(Error::Custom)?;
        let response = self.execute(request).await?;
        match response.status().as_u16() {
            200 => ResponseValue::from_response(response).await,
            400..=599 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedResponse(response)),
        }
    }
}
